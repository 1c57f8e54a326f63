"""`studies.frameworks`: what is compared with what, what counts, and what is said."""

import dataclasses
import json
import re
import shutil
import sys

import numpy as np
import pytest
import vl_convert

from backproof.oracles.draw import draw_case
from backproof.oracles.profiles import DRAWN
from backproof.studies.frameworks.backends import KINDS, NumpyBackend, load_backend, load_backends
from backproof.studies.frameworks.campaign import frameworks
from backproof.studies.frameworks.charts import charts
from backproof.studies.frameworks.matrix import TRUTH, fill, rows
from backproof.studies.frameworks.replay import judge_backend
from backproof.studies.frameworks.settings import Settings
from backproof.verification.campaign import CouldNotRunError, Progress
from tests.reports.test_rendering import browse

pytestmark = pytest.mark.long

SMALL = Settings(networks=12, slow_networks=0, dtypes=("float64", "float16"), frameworks=("numpy", "torch-eager"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A report, and the folder that it was written to."""
    folder = tmp_path_factory.mktemp("frameworks")
    return frameworks(SMALL, folder), folder


class Wrong(NumpyBackend):
    """NumPy with the loss a little off."""

    def answers(self, cases):
        found = super().answers(cases)
        return [{q: v * (1 + 1e-3) if q.kind == "loss" else v for q, v in answer.items()} for answer in found]


@pytest.fixture
def wrong(monkeypatch):
    monkeypatch.setitem(KINDS, "numpy", KINDS["numpy"]._replace(make=Wrong))


class TestSettings:
    """What a matrix refuses."""

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"networks": 0}, "at least one network is needed"),
            ({"slow_networks": -1}, "slow backends get none or more networks; -1 were asked for"),
            ({"seed": -1}, "a seed is not negative"),
            ({"profile": "odd"}, "unknown profile 'odd'"),
            ({"dtypes": ("float8",)}, "unknown dtype 'float8'; there are float64, float32, bfloat16, float16"),
            ({"frameworks": ()}, "at least one framework is needed"),
            ({"frameworks": ("tensorflow",)}, "unknown framework 'tensorflow'; there are numpy, torch-eager,"),
        ],
    )
    def test_out_of_range(self, settings, message):
        with pytest.raises(ValueError, match=message):
            Settings(**settings)


class TestBackends:
    """What is there, and what is not."""

    def test_names(self):
        """Every backend has the name by which it is asked for."""
        for name in ("numpy", "torch-eager", "torch-func", "jax-jit", "jax-eager"):
            assert (load_backend(name, "float64").name, load_backend(name, "float32").dtype) == (name, "float32")

    def test_what_is_not_there_is_said(self, monkeypatch):
        """A dtype that is lacking, a package that is not installed; TF32 is not missed beside float32."""
        monkeypatch.setitem(sys.modules, "backproof.oracles.jax_backends", None)
        monkeypatch.delitem(sys.modules, "backproof.oracles.jax_backends")
        monkeypatch.setitem(sys.modules, "jax", None)
        there, missing = load_backends(("numpy", "jax-jit", "torch-cuda-tf32"), ("float16", "bfloat16"))
        assert [(backend.name, backend.dtype) for backend in there] == [("numpy", "float16")]
        assert [(one.backend, one.dtypes) for one in missing] == [
            ("jax-jit", ["float16", "bfloat16"]), ("numpy", ["bfloat16"])
        ]  # fmt: skip
        assert missing[0].why.startswith("it needs the package jax, which is not installed")
        assert missing[1].why == "NumPy has no bfloat16"

    def test_unknown(self):
        with pytest.raises(ValueError, match="unknown framework 'tensorflow'"):
            load_backend("tensorflow", "float64")


class TestMatrix:
    """What is counted."""

    def test_everybody_against_the_truth_and_each_other(self):
        """In the same dtype; all networks, profile by profile."""
        there, _ = load_backends(SMALL.frameworks, SMALL.dtypes)
        *_, matrix = fill(SMALL, there, Progress())
        assert [(cell.backend.name, cell.backend.dtype, cell.against) for cell in matrix] == [
            ("numpy", "float64", TRUTH), ("numpy", "float64", "torch-eager"), ("torch-eager", "float64", TRUTH),
            ("numpy", "float16", TRUTH), ("numpy", "float16", "torch-eager"), ("torch-eager", "float16", TRUTH),
        ]  # fmt: skip
        answers = NumpyBackend("float64").answers([draw_case(0, i) for i in range(12)])
        entries = sum(array.size for answer in answers for array in answer.values())
        for cell in matrix:
            assert cell.networks.tolist() == [2] * len(DRAWN)
            assert int(cell.entries.sum() + cell.unchecked.sum()) == entries
            assert not cell.violations.any()
            integers = rows("output", "integers")
            assert (cell.exact[integers] == cell.entries[integers]).all()

    def test_slow_backends_get_fewer(self, monkeypatch):
        """The first networks, also in comparison with others; none at all if so asked."""
        monkeypatch.setitem(KINDS, "torch-func", KINDS["torch-func"]._replace(slow=True))
        monkeypatch.setattr("backproof.studies.frameworks.matrix.PART", 4)
        monkeypatch.setattr("backproof.studies.frameworks.settings.PART", 4)
        for number in (0, 5):
            settings = Settings(10, number, dtypes=("float32",), frameworks=("torch-eager", "torch-func"))
            there, _ = load_backends(settings.frameworks, settings.dtypes)
            *_, matrix = fill(settings, there, Progress())
            assert [int(cell.networks.sum()) for cell in matrix] == [10, number, number]

    def test_an_error_is_found_and_its_place_named(self, wrong, tmp_path):
        """In each comparison that the wrong one takes part in; the verdict names it, and the loss is its worst."""
        settings = dataclasses.replace(SMALL, dtypes=("float64",))
        found = frameworks(settings, tmp_path)
        assert found.verdict == "violations"
        assert found.summary == "numpy in float64 left the truth by more than rounding explains, in loss."
        guilty = {(row.backend, row.against) for row in found.outcomes if row.violations}
        assert guilty == {("numpy", TRUTH), ("numpy", "torch-eager")}
        assert (found.worst[0].backend, found.worst[0].quantity) == ("numpy", "loss")

    def test_error_and_ulps(self, written):
        """The worst entry is recorded with the numbers that its ratio is made of."""
        for place in written[0].worst:
            error = abs(place.got - place.exact)
            u = {"float64": 2.0**-53, "float16": 2.0**-11}[place.dtype]
            assert place.ratio == pytest.approx(
                error / place.allowed, rel=1e-2, abs=u / place.allowed * abs(place.exact)
            )
            assert place.ulps * place.ratio > 0
            _, exponent = np.frexp(max(abs(place.exact), 2.0**-14 if place.dtype == "float16" else 0))
            assert place.ulps == pytest.approx(error / np.ldexp(u, exponent), abs=1)


class TestReport:
    """frameworks.json, frameworks.md, frameworks.html."""

    def test_verdict(self, written):
        found, _ = written
        assert found.verdict == "within bounds"
        assert found.summary.startswith("All 4 backends are within their derived bounds of the certified values, in ")

    def test_profiles_add_up(self, written):
        """The rows of all profiles are what the profiles are together."""
        for row in (row for row in written[0].outcomes if row.profile == "all"):
            key = (row.backend, row.dtype, row.against, row.quantity)
            parts = [
                r
                for r in written[0].outcomes
                if r.profile != "all" and (r.backend, r.dtype, r.against, r.quantity) == key
            ]
            assert row.entries == sum(part.entries for part in parts)
            assert row.ratios.largest == max(part.ratios.largest for part in parts)

    def test_same_bytes(self, written, tmp_path):
        """Again, and all but the timing is the same."""
        frameworks(SMALL, tmp_path)
        first, second = (json.loads((folder / "frameworks.json").read_bytes()) for folder in (written[1], tmp_path))
        del first["timing"], second["timing"]
        assert first == second

    def test_markdown(self, written):
        """Every row of a table has as many cells as its head; charts lie beside it."""
        text = (written[1] / "frameworks.md").read_text()
        assert text.startswith("# Within bounds\n\n")
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table
        assert all((written[1] / name).exists() for name in re.findall(r"!\[.*\]\((.*)\)", text))

    @pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")
    def test_opens_in_a_browser(self, written, tmp_path):
        """Off line, with all charts drawn, and nothing cut off where the window is wide enough."""
        script = """<script>
            document.body.style.width = "1300px";
            setTimeout(() => {
                const cut = [...document.querySelectorAll("section")].filter(s => s.scrollWidth > s.clientWidth);
                document.title = cut.map(s => s.innerText.split("\\n")[0]).join() || "all there";
            }, 6000);
            </script>"""
        (tmp_path / "page.html").write_text((written[1] / "frameworks.html").read_text() + script)
        page = browse(tmp_path / "page.html", tmp_path)
        assert "<title>all there</title>" in page
        assert len(re.findall(r"<svg[^>]*class=\"marks\"", page)) == 4
        assert page.count("<select") == 2

    def test_charts_of_a_chosen_quantity(self, written):
        """By profile and by pair, every quantity can be chosen, and one at a time is drawn."""
        *_, profiles, pairs = (chart.specification for chart in charts(written[0]))
        for chart, first, options, marks in ((profiles, "dW", 11, 4 * 6), (pairs, "all of them", 14, 2)):
            (parameter,) = chart["params"]
            assert (parameter["value"], len(parameter["bind"]["options"])) == (first, options)
            for value in (first, "loss"):
                drawn = vl_convert.vegalite_to_svg({**chart, "params": [{**parameter, "value": value}]})
                kind = "circle" if chart is profiles else "rect mark"
                assert drawn.count(f'aria-roledescription="{kind}"') == marks, value
        rows = [row for rows in pairs["datasets"].values() for row in rows]
        by_pair = {(row["shown"], row["backend"], row["against"]): row["ratio"] for row in rows}
        largest = max(ratio for (shown, *_), ratio in by_pair.items() if shown != "all of them")
        assert by_pair["all of them", "numpy", "torch-eager"] == largest

    def test_charts_show_violations(self, wrong, tmp_path):
        """In the colour of the limit."""
        found = frameworks(dataclasses.replace(SMALL, dtypes=("float64",)), tmp_path)
        (rows,) = charts(found)[0].specification["datasets"].values()
        (loss,) = [row for row in rows if (row["backend"], row["quantity"]) == ("numpy", "loss")]
        assert (loss["ratio"], loss["text"]) == (10.0, "> 1")


class TestCannot:
    """What stops a comparison, and what is kept of it."""

    def test_nothing_to_compare(self, tmp_path):
        with pytest.raises(CouldNotRunError, match="there is nothing to compare; numpy: NumPy has no bfloat16"):
            frameworks(Settings(1, dtypes=("bfloat16",), frameworks=("numpy",)), tmp_path)

    def test_folder(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(CouldNotRunError, match="cannot be written: "):
            frameworks(SMALL, tmp_path / "file" / "x")

    def test_interrupted(self, monkeypatch, tmp_path):
        """What was compared by then is in the report."""
        monkeypatch.setattr("backproof.studies.frameworks.matrix.PART", 4)
        monkeypatch.setattr("backproof.studies.frameworks.settings.PART", 4)

        class Interrupted(NumpyBackend):
            def answers(self, cases):
                if cases[0].name == "v3:narrow:0:4":
                    raise KeyboardInterrupt
                return super().answers(cases)

        monkeypatch.setitem(KINDS, "numpy", KINDS["numpy"]._replace(make=Interrupted))
        settings = Settings(8, profile="narrow", dtypes=("float64",), frameworks=("numpy",))
        with pytest.raises(CouldNotRunError, match=r"stopped after 4 of 8 networks: it was interrupted"):
            frameworks(settings, tmp_path)
        written = json.loads((tmp_path / "frameworks.json").read_bytes())
        assert (written["verdict"], written["networks"]) == ("could not run", 4)


class TestReplay:
    """One network by one backend."""

    def test_certified(self):
        judgement = judge_backend(draw_case(0, 5), "torch-func", "bfloat16")
        assert (list(judgement.records), judgement.disagreements) == ([TRUTH], [])
        assert judgement.checked

    def test_wrong(self, wrong):
        judgement = judge_backend(draw_case(0, 0), "numpy", "float64")
        assert [record.quantity.kind for _, record in judgement.disagreements] == ["loss"]

    def test_not_there(self):
        with pytest.raises(CouldNotRunError, match="numpy cannot be had in bfloat16: NumPy has no bfloat16"):
            judge_backend(draw_case(0, 0), "numpy", "bfloat16")
