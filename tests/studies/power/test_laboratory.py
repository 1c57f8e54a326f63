"""`studies.power`: what is caught, what is wrongly blamed, and the report of it."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from functools import partial
from io import StringIO

import jsonschema
import msgspec
import numpy as np
import pytest
from rich.console import Console

from backproof.mistakes.accepted import ACCEPTED
from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.leaks import LEAKS, narrow
from backproof.mistakes.textbook import Textbook
from backproof.oracles.case import DTYPES
from backproof.oracles.draw import find_case
from backproof.oracles.profiles import DRAWN
from backproof.studies.power import laboratory
from backproof.studies.power.conformance import by_conformance, by_unit_tests
from backproof.studies.power.detection import DERIVED, METHODS, detect, floors, specimens
from backproof.studies.power.false_alarms import false_alarms
from backproof.studies.power.laboratory import power
from backproof.studies.power.mutation import mutants
from backproof.studies.power.plan import PARTS, Plan
from backproof.studies.power.report import PowerReport
from backproof.studies.power.terminal import power_view
from backproof.verification.campaign import CouldNotRunError
from backproof.verification.implementation import Implementation, as_implementation
from backproof.verification.judgement import judge

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def twenty(torch_oracle):
    return specimens(torch_oracle, 20)


class TestDetection:
    """What is caught, after how many networks."""

    def test_nothing_in_what_is_right(self, twenty):
        """And the usual tolerances see nothing either: networks on which they blame the textbook do not count."""
        found = detect(as_implementation(Textbook()), twenty)
        assert (found.first, set(found.shown.values()), found.quantity) == ({}, {0}, "")
        assert any(blind for _, blind in twenty)

    def test_counts(self, twenty):
        """The first network and all networks, by method."""

        class Wrong(Textbook):
            def relu(self, z):
                return z * (z > 0) * (1 + 1e-9) if len(z) == 1 else z * (z > 0)

        single = [probe.case.name for probe, _ in twenty[::2] if probe.case.n == 1 and (probe.case.x > 0).any()]
        names = [probe.case.name for probe, _ in twenty[::2]]
        found = detect(as_implementation(Wrong()), twenty)
        assert found.networks == 20
        assert found.first[DERIVED] == names.index(single[0]) + 1
        assert found.shown[DERIVED] >= len(single)
        assert (found.quantity, found.dtype) == ("relu", "float64") or found.quantity.startswith("output")
        assert found.shown["torch gradcheck"] == 0

    def test_until_seen(self, twenty):
        """A gross mistake needs one network."""
        wrong = Implementation("wrong", {"tanh": lambda z: z * 0 + 7})
        assert detect(wrong, twenty, until_seen=True).networks == 1

    @pytest.mark.parametrize("step", ["the outputs of layers", "the loss", "the gradients of biases"])
    def test_leaks(self, step, twenty):
        """One step in half as many bits is seen in most networks; assert_close sees few of them."""
        float64 = [specimen for specimen in twenty if specimen.probe.case.dtype == "float64"]
        found = detect(as_implementation(LEAKS[step]()), float64)
        assert found.shown[DERIVED] >= 13 > found.shown["torch assert_close"]

    def test_narrow(self):
        assert narrow(np.array([0.1])) == np.float32(0.1)
        assert narrow(np.array([0.1], np.float32)).dtype == "float32"
        assert narrow(np.array([0.1], np.float32)) == np.float32(np.float16(0.1))


@pytest.mark.parametrize(("dtype", "finer"), [("float64", 1000), ("float32", 5)])
def test_floors(dtype, finer, torch_oracle):
    """Finer than assert_close: in float64 by more than a thousand times."""
    found = {floor.method: floor for floor in floors(torch_oracle, 40, "ordinary", dtype)}
    assert list(found) == [method for method in METHODS if dtype == "float64" or method != "torch gradcheck"]
    assert found[DERIVED].median * finer < found["torch assert_close"].median
    shares = list(found[DERIVED].shares.values())
    assert all(a >= b for a, b in itertools.pairwise(shares))
    if dtype == "float64":
        assert (found[DERIVED].shares["9"], found[DERIVED].most < 1e-9) == (1, True)


class TestFalseAlarms:
    """What is right is left in peace."""

    def test_at_least_ten_ways(self):
        assert len(ACCEPTED) >= 10

    def test_none(self):
        """Every way meets every profile in both dtypes; the derived bounds blame none, a usual tolerance many."""
        found = false_alarms(6 * len(ACCEPTED))
        assert len(found.networks) == len(ACCEPTED) * len(DRAWN) * len(DTYPES)
        assert set(found.networks.values()) == set(found.tried.values()) == {1}
        assert found.places == []
        assert {method for _, method in found.alarms} >= {"numpy assert_allclose", "torch assert_close"}

    @pytest.mark.parametrize("name", ["v3:ordinary:0:70794", "v3:ordinary:0:383106"])
    def test_alarms_of_the_past(self, name, torch_oracle):
        """Exact sums in which infinities cancel: fsum raises where additions give NaN."""
        cases = [find_case(name).cast(dtype) for dtype in DTYPES]
        judgements = judge(cases, as_implementation(ACCEPTED["Compensated"]()), [torch_oracle])
        assert not any(judgement.disagreements for judgement in judgements)

    def test_workers(self):
        """As many processes as one likes count the same."""
        assert false_alarms(7, oracle="complex-step", workers=2) == false_alarms(7, oracle="complex-step")

    def test_an_alarm_is_told(self, monkeypatch):
        """Which way, on which network, and what was wrong."""

        class Wrong(Textbook):
            def tanh(self, z):
                return np.tanh(z) * z.dtype.type(1.001)

        monkeypatch.setitem(ACCEPTED, "reference_impl", Wrong)
        found = false_alarms(6, dtypes=["float64"])
        assert {place.way for place in found.places} == {"reference_impl"}
        assert "tanh" in found.places[0].explanation
        assert sum(count for (_, method), count in found.alarms.items() if method == DERIVED) == len(found.places) >= 5


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A small run of all parts, and its folder."""
    names = (
        "activations.relu: np.maximum -> np.minimum",
        "activations.sigmoid: np.minimum(z, 0) -> np.minimum(0, z)",
        "activations.sigmoid: 1 + np.exp(-np.abs(z)) -> 1",
        "descent.table: n -> seed",
    )
    few = [mutant for mutant in mutants() if mutant.name in names]
    assert len(few) == len(names)
    folder = tmp_path_factory.mktemp("power")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laboratory, "mutants", lambda: few)
        patch.setattr(laboratory, "by_conformance", partial(by_conformance, networks=2))
        patch.setattr(
            laboratory, "by_unit_tests", lambda left, _: by_unit_tests([m for m in left if m.module == "descent"])
        )
        patch.setattr(laboratory, "MISTAKES", {name: MISTAKES[name] for name in list(MISTAKES)[:4]})
        patch.setattr(
            laboratory.equivalence,
            "listed",
            lambda: {"activations.sigmoid: np.minimum(z, 0) -> np.minimum(0, z)": "Why."},
        )
        return power(Plan(networks=3, alarm_networks=12), folder), folder


class TestReport:
    """power.json, power.md, power.html, and the terminal."""

    def test_verdict(self, written):
        """A sentence for each part."""
        report, _ = written
        assert len(report.summary) == 6
        assert report.summary[0].startswith("All 4 mistakes of the catalogue are caught, each within ")
        assert report.mutants.total == report.mutants.by_conformance + report.mutants.by_unit_tests + len(
            report.mutants.equivalent
        ) + len(report.mutants.survivors)
        assert (report.verdict == "holds") == (not report.mutants.survivors and not report.mutants.stale)

    def test_schema(self, written):
        """power.json is what its documented schema says, and reads back as the same report."""
        report, folder = written
        text = (folder / "power.json").read_bytes()
        jsonschema.validate(json.loads(text), json.loads(PowerReport.schema()))
        assert msgspec.json.decode(text, type=PowerReport) == report

    def test_tables_are_tables(self, written):
        """Every row of a table has as many cells as its head, and there is no empty line in one."""
        text = (written[1] / "power.md").read_text()
        tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        assert len(tables) == 7
        for table in tables:
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table
            assert len(table.splitlines()) > 2

    def test_charts(self, written):
        """Three, beside the report and in the page, which loads nothing."""
        _, folder = written
        assert re.findall(r"!\[.*\]\((.*)\)", (folder / "power.md").read_text()) == [
            "floors.svg", "leaks.svg", "alarms.svg",
        ]  # fmt: skip
        assert all(ET.parse(path).getroot().tag.endswith("svg") for path in folder.glob("*.svg"))
        page = (folder / "power.html").read_text()
        assert page.count("window.vegaEmbed(") == 3
        assert not re.findall(r"""(?:src|href)\s*=\s*["']?[^"'> ]*//""", page)

    def test_terminal(self, written):
        """Every table, every sentence, and what looks like markup as it is."""
        console = Console(width=200, record=True, file=StringIO())
        console.print(power_view(written[0]))
        text = console.export_text()
        assert "test_activations.py::test_relu[float64]" in text
        assert all(sentence[:60] in text for sentence in written[0].summary)
        assert "∞" in text or "refused" in text

    def test_parts(self, tmp_path):
        """Only what is asked for; charts of an earlier report are removed."""
        (tmp_path / "alarms.svg").write_text("of an earlier report")
        report = power(Plan(parts=("floors",), networks=2), tmp_path)
        assert (report.mistakes, report.mutants, report.leaks, report.alarms) == ([], None, [], [])
        assert {path.name for path in tmp_path.iterdir()} == {"power.json", "power.md", "power.html", "floors.svg"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parts": ("everything",)}, f"unknown part 'everything'; there are {', '.join(PARTS)}"),
        ({"parts": ()}, "at least one part is needed"),
        ({"oracle": "tensorflow"}, "unknown oracle 'tensorflow'; there are torch"),
        ({"networks": 0}, "at least one network is needed; 0 were asked for"),
        ({"alarm_networks": -1}, "at least one network for alarms is needed; -1 were asked for"),
        ({"workers": 0}, "at least one worker is needed; 0 were asked for"),
        ({"seed": -1}, "a seed is not negative; -1 was given"),
    ],
)
def test_plans_that_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Plan(**settings)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CouldNotRunError, match=r"the output folder .* cannot be written: "):
        power(Plan(parts=("catalogue",)), tmp_path / "file")
