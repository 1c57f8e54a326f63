"""Mistakes have their names however they are written; `python -m tests.verification.forms --help` tries all of them."""

from collections import Counter

import pytest

import backproof
from tests.verification.forms.naming import NAMED, PROGRAMS, Called, Form, forms_of, graded, standard, verified

FORMS = [form for program in PROGRAMS for form in forms_of(program)]

# Single samples' gradients with 2 (p - y), scaled at the end, are no form of the catalogue.
UNNAMED = {"samples: GradientInPlaceOfWeight", "samples: WeightsUpdatedTooEarly"}

# Where a loss and its activation are one node, the tape hands back dL/dz alone; the grader does not ask for those. The
# other has numbers in square layers alone, of which 100 networks have not enough.
UNNAMED_BY_VERIFY = UNNAMED | {"tape: RawErrorPropagated", "functional: MatrixProductForElementwise"}

# These are tried always, of each program other ones; all of them in `make test-all`.
FEW = [form for i, form in enumerate(FORMS) if i % len(NAMED) == 7 * (i // len(NAMED))]


def few_first(forms: list[Form]) -> list[object]:
    return [pytest.param(f, marks=() if f in FEW else pytest.mark.long, id=str(f)) for f in forms]


def test_every_mistake_has_five_forms():
    """And each has a line or two of its own."""
    counts = Counter(form.names[0] for form in FORMS)
    assert set(counts) == set(NAMED)
    assert min(counts.values()) >= 5
    assert all(form.text != form.program.read_text() for form in FORMS)


@pytest.mark.parametrize("program", [pytest.param(p, marks=pytest.mark.long, id=p.stem) for p in PROGRAMS])
def test_the_programs_are_right(program, tmp_path):
    report = backproof.verify(
        str(program), out=tmp_path, networks=200, oracles=("torch",), dtypes=("float64", "float32"), strict=True
    )
    assert report.verdict == "agree", report.summary
    assert graded(Form(program, (), ()), *standard()).verdict == "full marks"


@pytest.mark.parametrize("form", few_first([form for form in FORMS if str(form) not in UNNAMED_BY_VERIFY]))
def test_named_by_verify(form, tmp_path):
    called = verified(form, tmp_path)
    assert called.result_for(form) == "right", called


@pytest.mark.parametrize("form", few_first(FORMS))
def test_named_by_the_grader(form):
    """Or, where the grade does not depend on it, there are full marks."""
    called = graded(form, *standard())
    expected = "not wrong" if called.verdict == "full marks" else "without a name" if str(form) in UNNAMED else "right"
    assert called.result_for(form) == expected, called


def test_a_wrong_name_is_seen():
    """And one that is missing."""
    form = FORMS[0]
    (name,) = form.names
    assert Called("disagree", (frozenset({name, "SignReversed"}),)).result_for(form) == "right"
    assert Called("disagree", (frozenset({name}), frozenset({"Another"}))).result_for(form) == "another name"
    assert Called("disagree", ()).result_for(form) == "without a name"
    assert Called("agree", ()).result_for(form) == "not wrong"
