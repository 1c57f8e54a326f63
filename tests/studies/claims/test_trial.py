"""`studies.claims.trial`: claims.json, its chapter in the report, and what is kept when a trial stops."""

import io
import json
import re
import shutil
import xml.etree.ElementTree as ET

import jsonschema
import msgspec
import pytest
from rich.console import Console
from upath import UPath

from backproof.reference_impl.as_printed import STATEMENTS, corrections
from backproof.reports.rendering import write_page
from backproof.studies.chapters import chapters_in
from backproof.studies.claims import trial
from backproof.studies.claims.chapter import write_claims
from backproof.studies.claims.charts import CLAIM_CHARTS, claim_charts
from backproof.studies.claims.claim import Claims, Timing
from backproof.studies.claims.formulas import CORRECTED, PRINTED, mathml
from backproof.studies.claims.terminal import claims_view
from backproof.studies.claims.trial import TRIED, try_notes
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress
from tests.reports.test_rendering import browse
from tests.verifying import verify

FEW = {name: STATEMENTS[name] for name in ("N6", "N8")}


@pytest.fixture
def few(monkeypatch):
    """A trial of two statements, with certified values alone."""
    monkeypatch.setattr(trial, "DEFAULT_ORACLES", ())
    monkeypatch.setattr(trial, "STATEMENTS", FEW)
    monkeypatch.setattr(trial, "train", lambda bench: [])


def read(folder):
    return json.loads((folder / "claims.json").read_bytes())


class TestClaims:
    """claims.json."""

    def test_all_eighteen(self, tried):
        """A verdict on each, in the notes' order, with what it rests on, and nothing but the report is left behind."""
        claims, folder = tried
        found = read(folder)["claims"]
        assert [one["id"] for one in found] == list(STATEMENTS)
        assert set(found[0]) == {
            "id", "statement", "reading", "verdict", "evidence", "counterexample", "correction",
        }  # fmt: skip
        assert {one["verdict"] for one in found} == {"holds", "holds if", "fails as printed"}
        assert all(one["evidence"]["summary"] and one["evidence"]["checks"] for one in found)
        assert all(bool(one["evidence"]["condition"]) == (one["verdict"] == "holds if") for one in found)
        assert claims.settled
        assert [path.name for path in folder.parent.iterdir()] == ["backproof-report"]
        assert claims.summary.startswith(
            "Of the notes' 18 statements 9 hold as printed (N1, N2, N3, N4, N5, N10, N11, N17"
        )

    def test_schema(self, tried):
        """It is valid, and is read back as it was."""
        _, folder = tried
        jsonschema.validate(read(folder), json.loads(Claims.schema()))
        again = msgspec.json.decode((folder / "claims.json").read_bytes(), type=Claims)
        assert again.to_json() == (folder / "claims.json").read_bytes()

    def test_training_is_evidence_for_descent(self, tried):
        claims, _ = tried
        (descent,) = [one for one in claims.claims if one.id == "N10"]
        steps = [check for check in descent.evidence.checks if check.what.startswith("training stays")]
        assert len(steps) == len(claims.training) == 3
        assert all(0 < check.agreeing == check.tried for check in steps)

    def test_same_bytes(self, few, tmp_path):
        """Timing aside, and whatever the folder."""
        written = []
        for name in ("a", "b"):
            try_notes(tmp_path / name, seed=3)
            found = read(tmp_path / name)
            assert found.pop("timing")["seconds"] > 0
            written.append(found)
        assert written[0] == written[1]
        assert written[0]["seed"] == 3

    def test_unsettled(self, few, tmp_path, monkeypatch):
        """A correction that does not hold is said to be missing."""
        monkeypatch.setattr(trial.try_equation.__globals__["as_printed"], "softmax_with_exponential", lambda x: x)
        claims = try_notes(tmp_path)
        assert not claims.settled
        assert "a correction of N8 that holds is missing" in claims.summary
        assert "that does not hold either" in (tmp_path / "report.html").read_text()


class TestReport:
    """The chapter in report.md and report.html, and the terminal."""

    def test_markdown(self, tried):
        """Formulas, counterexamples, and charts that lie beside it; tables are tables."""
        claims, folder = tried
        text = (folder / "report.md").read_text()
        assert text.startswith(f"# The notes on trial\n\n{claims.summary}\n")
        assert all(f"## {one.id} {one.verdict}" in text for one in claims.claims)
        assert all(f"$${latex}$$" in text for latex in (*PRINTED.values(), *CORRECTED.values()))
        assert all(one.counterexample.line in text for one in claims.claims if one.counterexample)
        assert r"∂L/∂w\_j^(i) = ∂L/∂x\_j^(i+1) \* x\_j^(i+1) \*" in text
        shown = re.findall(r"!\[.*\]\((.*)\)", text)
        assert shown == [f"{name}.svg" for name in CLAIM_CHARTS]
        assert all(ET.parse(folder / name).getroot().tag.endswith("svg") for name in shown)
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table

    @pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")
    def test_in_a_browser(self, tried, tmp_path):
        """Off line: every formula is typeset, every chart is drawn."""
        claims, folder = tried
        page = browse(folder / "report.html", tmp_path)
        body = page[page.index("<body") :]
        assert claims.summary in body
        assert body.count("<math ") == len(PRINTED) + len(CORRECTED)
        assert len(re.findall(r"<svg[^>]*class=\"marks\"", body)) == len(CLAIM_CHARTS)

    def test_needs_no_network(self, tried):
        text = (tried[1] / "report.html").read_text()
        assert not re.findall(r"""(?:src|href)\s*=\s*["']?[^"'> #]*//""", text)

    def test_formulas(self):
        """What is corrected has a formula, and all of them are MathML."""
        assert set(corrections()) <= set(CORRECTED)
        for latex in (*PRINTED.values(), *CORRECTED.values()):
            tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(mathml(latex)).iter()}
            assert "math" in tags
            assert "merror" not in tags
            assert "\\" not in mathml(latex)

    def test_terminal(self, tried):
        """A verdict for each, what it depends on, and the outcome last."""
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(claims_view(tried[0]))
        lines = console.export_text().splitlines()
        rows = [re.match(r"(N\d+) +(holds if|holds|fails as printed) ", line) for line in lines]
        assert [row[1] for row in rows if row] == list(STATEMENTS)
        text = " ".join(" ".join(line.split()) for line in lines)
        assert all(f"wrong at {one.counterexample.line}" in text for one in tried[0].claims if one.counterexample)
        assert text.rstrip().endswith(tried[0].summary)

    @pytest.mark.long
    def test_beside_a_verification(self, few, tmp_path):
        """Each keeps the other's chapter, in whatever order they come."""
        report = verify(
            "backproof.reference_impl", Campaign(networks=2, oracles=("torch",), dtypes=("float64",)), tmp_path
        )
        try_notes(tmp_path)
        first = (tmp_path / "report.md").read_text()
        assert first.index("# Agrees") < first.index("# The notes on trial") < first.index("## Environment")
        write_page(report, chapters_in(UPath(tmp_path)), UPath(tmp_path))
        page = (tmp_path / "report.html").read_text()
        assert ("The notes on trial" in page, 'id="ratios"' in page) == (True, True)
        assert (tmp_path / "ratios.svg").exists()
        (tmp_path / "claims.json").write_text("no claims any more")
        (tmp_path / "n6-slopes.svg").write_text("of an earlier trial")
        write_page(report, chapters_in(UPath(tmp_path)), UPath(tmp_path))
        assert "The notes on trial" not in (tmp_path / "report.html").read_text()
        assert not (tmp_path / "n6-slopes.svg").exists()

    def test_an_unreadable_neighbour_is_left_alone(self, few, tmp_path):
        """A report.json of another version, or of something else, has no chapter."""
        (tmp_path / "report.json").write_text('{"schema_version": "0"}')
        try_notes(tmp_path)
        assert (tmp_path / "report.md").read_text().startswith("# The notes on trial")
        assert (tmp_path / "report.json").read_text() == '{"schema_version": "0"}'

    def test_charts_of_a_part(self, tried, tmp_path):
        """What was not tried has none, and none are left from an earlier trial."""
        part = msgspec.structs.replace(
            tried[0], claims=tried[0].claims[:6], training=[], timing=Timing(1.0, {}, [], [])
        )
        assert {name: [chart.name for chart in charts] for name, charts in claim_charts(part).items()} == {
            "N6": ["n6-slopes"]
        }
        (tmp_path / "training.svg").write_text("of an earlier trial")
        write_claims(part, tmp_path)
        assert [path.name for path in tmp_path.glob("*.svg")] == ["n6-slopes.svg"]


class TestWhatCannotRun:
    """A sentence, and what was found before."""

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("too much")])
    def test_stopped_half_way(self, error, few, tmp_path, monkeypatch):
        def stop(bench):
            raise error

        monkeypatch.setitem(trial.TRIALS, "N8", stop)
        reason = "it was interrupted" if isinstance(error, KeyboardInterrupt) else "MemoryError: too much"
        with pytest.raises(CouldNotRunError, match=f"{reason}; until then 1 hold under a condition \\(N6\\)"):
            try_notes(tmp_path)
        found = read(tmp_path)
        assert ([one["id"] for one in found["claims"]], found["complete"]) == (["N6"], False)
        assert "could not be tried to the end" in (tmp_path / "report.md").read_text()

    def test_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(CouldNotRunError, match=r"the output folder .*file/out cannot be written: Not a directory"):
            try_notes(tmp_path / "file" / "out")

    def test_progress(self, few, tmp_path):
        """A stage for each statement, and for training."""
        stages = []

        class Telling(Progress):
            def stage(self, text):
                stages.append(text)

        try_notes(tmp_path, progress=Telling())
        assert stages == ["trying N6", "trying N8", "training in NumPy, PyTorch and JAX", "writing the report"]
        assert len(TRIED) == len(STATEMENTS) + 1
