"""Three verdicts: differences are found with their numbers, mistakes by their names, and neither where none is."""

import inspect
from pathlib import Path

import msgspec
import numpy as np
import pytest

import backproof
from backproof.mistakes.accepted import ACCEPTED
from backproof.mistakes.branches import Branch
from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.differences import DIFFERENCES, Difference
from backproof.mistakes.textbook import Textbook
from backproof.oracles.case import DTYPES
from backproof.oracles.draw import PROFILES, draw_case
from backproof.reference_impl.contract import FUNCTIONS
from backproof.verification.explanation import MODIFIERS, Part, parts_of
from backproof.verification.explanations import NO_MISTAKES


def program(folder, parts: list[Part], functions=FUNCTIONS, more: str = "") -> str:
    """A file with a program that is as these parts say."""
    modules = sorted({part.kind.__module__ for part in parts} | {"backproof.mistakes.textbook"})
    made = [
        f"{part.kind.__module__}.{part.kind.__name__}({'' if part.strength is None else repr(part.strength)})"
        for part in parts
    ]
    text = "\n".join(
        [
            *(f"import {module}" for module in modules),
            "from backproof import adapters",
            f"Mine = type('Mine', ({', '.join(f'{p.kind.__module__}.{p.kind.__name__}' for p in parts)},), {{}})",
            "mine = object.__new__(Mine)",
            *(f"vars(mine).update(vars({one}))" for one in made),
            *(f"{function} = mine.{function}" for function in functions),
            more,
        ]
    )
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


def found(folder, parts: list[Part], networks: int = 100, **settings):
    """The report on such a program."""
    options = {key: settings.pop(key) for key in ("functions", "more") if key in settings}
    settings = {"oracles": ("complex-step",), "dtypes": ("float64",), **settings}
    return backproof.verify(program(folder, parts, **options), out=folder / "out", networks=networks, **settings)


def found_of(folder, text: str, **settings):
    """The report on a program that is written out."""
    (folder / "mine.py").write_text(text)
    settings = {"oracles": ("complex-step",), "dtypes": ("float64",), "networks": 60, **settings}
    return backproof.verify(str(folder / "mine.py"), out=folder / "out", **settings)


def part(name: str) -> Part:
    """A part by its name in records."""
    ((one,),) = parts_of(name)
    return one


STEPS = [name for name, kind in DIFFERENCES.items() if kind not in MODIFIERS]
SOME = [f"{name}({DIFFERENCES[name].strengths[:5][-1]!r})" if DIFFERENCES[name].strengths else name for name in STEPS]


class TestDifferences:
    """What is no mistake."""

    @pytest.mark.parametrize("name", SOME)
    def test_found(self, name, tmp_path):
        """Alone: right, but for that, in the functions that have it; an error would be exit status 1."""
        one = part(name)
        report = found(tmp_path, [one], functions=one.kind.functions)
        assert report.verdict == "agree but for", report.summary
        made = one.made()
        same = {each.what for each in report.differences}
        assert made.says() in same or one.kind.__base__ is not Difference
        assert {f for each in report.differences for f in each.functions} <= set(one.kind.functions)
        assert not report.mistakes

    @pytest.mark.parametrize("name", ["SlopeAtZero(0.5)", "EpsilonInLogarithm(1e-10)", "ClippedPrediction(1e-12)"])
    def test_its_number(self, name, tmp_path):
        """As it is in the program."""
        report = found(tmp_path, [part(name)], networks=200, functions=("backward",))
        assert [each.name for each in report.differences] == [name]

    def test_two_at_once(self, tmp_path):
        """An epsilon, and another slope at 0."""
        parts = [part("SlopeAtZero(1.0)"), part("EpsilonInLogarithm(1e-07)")]
        report = found(tmp_path, parts, networks=200, functions=("backward", "loss"))
        assert report.verdict == "agree but for"
        assert {each.name for each in report.differences} == {one.name for one in parts}

    def test_strict(self, tmp_path):
        """Then they are disagreements."""
        report = found(tmp_path, [part("SlopeAtZero(1.0)")], functions=("relu_prime",), strict=True)
        assert report.verdict == "disagree"
        assert [each.name for each in report.differences] == ["SlopeAtZero(1.0)"]

    def test_declared(self, tmp_path):
        """What the CONVENTION says is as it should be, strictly too."""
        more = "CONVENTION = adapters.Convention(differences=('slope_at_0=1',))\n__all__ = ['relu_prime']"
        report = found(tmp_path, [part("SlopeAtZero(1.0)")], functions=("relu_prime",), more=more, strict=True)
        assert report.verdict == "agree"
        assert "as declared" in report.summary

    def test_baseline(self, tmp_path):
        """Differences that an earlier report has are none; a new one is, and said; a mistake is one all the same."""
        slope, epsilon, mistake = part("SlopeAtZero(1.0)"), part("EpsilonInLogarithm(1e-07)"), part("SignReversed")
        settings = {"networks": 200, "functions": ("backward", "loss")}
        before = found(tmp_path, [slope], **settings)
        baseline = tmp_path / "before.json"
        baseline.write_bytes(before.to_json())
        same = found(tmp_path, [slope], baseline=baseline, **settings)
        assert (same.verdict, same.settings.known) == ("agree but for", ["slope_at_0=1"])
        more = found(tmp_path, [slope, epsilon], baseline=baseline, **settings)
        assert more.verdict == "disagree"
        assert "This is new: it adds 1e-07 inside of logarithms" in more.summary
        assert "for the slope" not in more.summary
        assert found(tmp_path, [slope, mistake], baseline=baseline, **settings).verdict == "disagree"
        baseline.write_bytes(msgspec.structs.replace(before, differences=[]).to_json())
        assert "This is new: it takes 1" in found(tmp_path, [slope], baseline=baseline, **settings).summary

    def test_no_baseline(self, tmp_path):
        with pytest.raises(ValueError, match=r"none\.json is no report\.json that this version can read"):
            found(tmp_path, [part("SlopeAtZero(1.0)")], baseline=tmp_path / "none.json")

    def test_single_precision(self, tmp_path):
        """Inside, whatever comes in."""
        report = found_of(
            tmp_path,
            "import numpy as np\nfrom backproof.mistakes.textbook import Textbook\n"
            "def backward(*arguments):\n"
            "    single = [[a.astype('f') for a in p] if isinstance(p, list) and not isinstance(p[0], str)\n"
            "              else p.astype('f') if isinstance(p, np.ndarray) else p for p in arguments]\n"
            "    return tuple([a.astype(float) for a in part] for part in Textbook().backward(*single))\n",
            profile="ordinary",
        )
        assert report.verdict == "agree but for"
        assert [each.name for each in report.differences] == ["SinglePrecision"]

    def test_not_single_precision(self, tmp_path):
        """Ten digits of e are as far off, and no single precision."""
        report = found_of(tmp_path, "def sigmoid(z): return 1 / (1 + 2.718281828 ** -z)\n", dtypes=DTYPES)
        assert (report.verdict, report.differences) == ("disagree", [])

    def test_overflow(self, tmp_path):
        """NaN from a |z| on."""
        report = found_of(
            tmp_path,
            "import numpy as np\ndef softmax(z):\n    e = np.exp(z)\n    return e / e.sum(axis=1, keepdims=True)\n",
            networks=150,
        )
        assert report.verdict == "agree but for"
        assert [each.name for each in report.differences] == ["Overflow"]

    @pytest.mark.parametrize("name", STEPS)
    def test_is_said(self, name):
        """Every one says what it is, where it matters and how it is declared; and is a function of what it has."""
        kind = DIFFERENCES[name]
        made = kind(kind.strengths[0]) if kind.strengths else kind()
        assert made.says()
        assert made.matters().endswith(".")
        assert "=" in made.declares()
        assert inspect.getdoc(kind)
        assert set(kind.functions) <= set(FUNCTIONS)


def with_strength(name: str) -> Part:
    kind = MISTAKES[name]
    return Part(kind, kind.strengths[0] if kind.strengths else None)


NAMED = [
    name
    for name, kind in MISTAKES.items()
    if name not in NO_MISTAKES and not kind.remembers and "OfPreActivation" not in name
]
FEW = ("BiasGradientAveraged", "HiddenDerivativeMissing", "SoftmaxOverTheSamples", "ProportionalFactor")


class TestMistakes:
    """What is one."""

    @pytest.mark.parametrize("name", [n if n in FEW else pytest.param(n, marks=pytest.mark.long) for n in NAMED])
    def test_named(self, name, tmp_path):
        """It, or one that gives the same answers; and the verdict is what it was."""
        report = found(tmp_path, [with_strength(name)])
        assert report.verdict == "disagree"
        assert name in {n for each in report.mistakes for n in (*each.names, *each.others)}, report.summary

    @pytest.mark.parametrize(
        "difference", ["SlopeAtZero(1.0)", "EpsilonInLogarithm(1e-07)", "ClippedPrediction(1e-10)"]
    )
    @pytest.mark.parametrize("name", ["BiasGradientAveraged", "HiddenDerivativeMissing"])
    def test_beside_a_difference(self, name, difference, tmp_path):
        """Wrong, with its name, also where the program differs harmlessly besides."""
        report = found(tmp_path, [with_strength(name), part(difference)], networks=200, functions=("backward",))
        assert report.verdict == "disagree"
        assert name in {n for each in report.mistakes for n in (*each.names, *each.others)}, report.summary

    def test_two_at_once(self, tmp_path):
        report = found(
            tmp_path, [with_strength("BiasGradientZero"), with_strength("SignReversed")], functions=("backward",)
        )
        assert report.verdict == "disagree"
        assert {n for each in report.mistakes for n in each.names} == {"BiasGradientZero", "SignReversed"}

    def test_none_that_is_known(self, tmp_path):
        """What nothing explains has no name."""
        report = found_of(
            tmp_path,
            "import numpy as np\nfrom backproof.mistakes.textbook import Textbook\n"
            "def backward(*arguments):\n"
            "    dW, db = Textbook().backward(*arguments)\n"
            "    return [np.sign(a) * np.sqrt(np.abs(a)) for a in dW], db\n",
        )
        assert (report.verdict, report.mistakes, report.differences) == ("disagree", [], [])


def in_branches(folder, branches: dict[str, list[Part]]) -> str:
    """A file with a program whose loss and backward are as the parts say where a condition holds, and right elsewhere.

    Conditions are of activations, loss and dtype.
    """
    folder.mkdir(exist_ok=True)
    names = []
    for i, parts in enumerate(branches.values()):
        names.append(f"part_{i}")
        Path(program(folder, parts)).rename(folder / f"part_{i}.py")
    chosen = "".join(
        f"    if {when}:\n        return {name}.mine\n" for when, name in zip(branches, names, strict=True)
    )
    path = folder / "branches.py"
    path.write_text(
        f"import {', '.join(names)}\nfrom backproof.mistakes.textbook import Textbook\n"
        f"def chosen(activations, loss, dtype):\n{chosen}    return Textbook()\n"
        "def loss(p, y, loss):\n    return chosen(None, loss, p.dtype.name).loss(p, y, loss)\n"
        "def backward(weights, biases, x, y, activations, loss):\n"
        "    return chosen(activations, loss, x.dtype.name).backward(weights, biases, x, y, activations, loss)\n"
        "__all__ = ['backward']\n"
    )
    return str(path)


class TestBranches:
    """What is there for some networks alone is told with these; and answers that are right count too."""

    @pytest.mark.parametrize(
        ("name", "when", "says"),
        [
            ("SignReversed", "'squared' in loss", "for squared errors alone"),
            ("FactorTwoMissing", "loss == 'squared_error_mean'", "for squared_error_mean alone"),
            ("BiasGradientAveraged", "activations[-1] == 'tanh'", "where the last activation is tanh alone"),
            ("HiddenDerivativeMissing", "dtype == 'float32'", "in float32 alone"),
            ("EpsilonInLogarithm(1e-07)", "loss.startswith('cross')", "for cross-entropies alone"),
        ],
    )
    def test_one(self, name, when, says, tmp_path):
        one = part(name)
        dtypes = DTYPES if "float32" in says else ("float64",)
        report = backproof.verify(
            in_branches(tmp_path, {when: [one]}), out=tmp_path / "out", networks=200, oracles=("torch",), dtypes=dtypes
        )
        assert report.verdict == ("agree but for" if one.is_difference else "disagree")
        assert any(says in each.what for each in (*report.mistakes, *report.differences)), report.summary
        assert any(one.kind.__name__ in (*each.names, *each.others) for each in report.mistakes) != one.is_difference

    def test_layers(self, tmp_path):
        """Those of one activation, beside others in the same network."""
        branch = Branch("layers", "tanh")
        limited = tmp_path / "mine.py"
        limited.write_text(
            "from backproof.mistakes.branches import Branch\nfrom backproof.mistakes.hidden import *\n"
            f"backward = Branch{branch.of, branch.value}.limited(HiddenDerivativeMissing()).backward\n"
            "__all__ = ['backward']\n"
        )
        report = backproof.verify(
            str(limited), out=tmp_path / "out", networks=200, oracles=("torch",), dtypes=("float64",)
        )
        assert [each.names for each in report.mistakes] == [["HiddenDerivativeMissing"]]
        assert "in layers of tanh alone" in report.mistakes[0].what

    def test_one_in_each(self, tmp_path):
        """An epsilon for one kind of loss, a clip for another."""
        path = in_branches(
            tmp_path,
            {
                "loss.startswith('cross')": [part("EpsilonInLogarithm(1e-07)")],
                "loss.startswith('binary')": [part("ClippedPrediction(1e-10)")],
            },
        )
        report = backproof.verify(path, out=tmp_path / "out", networks=300, oracles=("torch",), dtypes=("float64",))
        assert report.verdict == "agree but for", report.summary
        assert {each.name for each in report.differences} == {
            "EpsilonInLogarithm(1e-07)@loss=cross_entropy",
            "ClippedPrediction(1e-10)@loss=binary_cross_entropy",
        }

    def test_refuted_by_what_is_right(self, tmp_path):
        """A slope of 1 at 0 now and then is no convention."""
        report = found_of(
            tmp_path,
            "import numpy as np\nfrom backproof.mistakes.textbook import Textbook\n"
            "def relu_prime(z):\n"
            "    return np.where((z == 0) & (z.size % 2 == 0), z.dtype.type(1), Textbook().relu_prime(z))\n",
            networks=200,
            oracles=("torch",),
        )
        assert (report.verdict, report.differences) == ("disagree", [])


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in ACCEPTED if name != "reference_impl"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_right_ones_have_no_names(name, dtype, tmp_path):
    """Other forms that are right agree, and there is nothing to be said."""
    path = tmp_path / "mine.py"
    path.write_text(
        f"from backproof.mistakes.accepted import ACCEPTED\nmine = ACCEPTED[{name!r}]()\n"
        + "\n".join(f"{function} = mine.{function}" for function in FUNCTIONS)
    )
    report = backproof.verify(
        str(path), out=tmp_path / "out", networks=60, oracles=("complex-step",), dtypes=(dtype,), strict=True
    )
    assert (report.verdict, report.mistakes, report.differences) == ("agree", [], []), report.summary


def test_mistakes_of_the_textbook_do_harm():
    """On drawn networks, so that no name is one of something harmless."""
    cases = [draw_case(3, i, profile) for profile in PROFILES if profile != "all" for i in range(6)]
    for name in NAMED:
        one, right = with_strength(name).made(), Textbook()
        assert any(_differ(one, right, case) for case in cases), name


def _differ(one, right, case) -> bool:
    arguments = case.weights, case.biases, case.x, case.y, case.activations, case.loss
    with np.errstate(all="ignore"):
        for function in ("sigmoid_prime", "tanh_prime", "relu_prime", "relu", "softmax"):
            if not np.array_equal(getattr(one, function)(case.x), getattr(right, function)(case.x), equal_nan=True):
                return True
        try:
            found = one.backward(*arguments)
        except (IndexError, ValueError):
            return True
        usual = right.backward(*arguments)
        forward = one.forward(case.weights, case.biases, case.x, case.activations)
        values = one.loss(forward[-1], case.y, case.loss), right.loss(forward[-1], case.y, case.loss)
        steps = [
            each.gradient_descent_step(case.weights, case.biases, *case.step_gradients(), 0.5)[0][0]
            for each in (one, right)
        ]
    return (
        any(
            a.shape != b.shape or not np.allclose(a, b)
            for p, q in zip(found, usual, strict=True)
            for a, b in zip(p, q, strict=True)
        )
        or values[0] != values[1]
        or not np.array_equal(*steps)
    )
