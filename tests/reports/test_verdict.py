"""`verification.run` and `reports.verdict`: the report of a run, also of one that stops, and the same bytes again."""

import json

import duckdb
import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from backproof import write_page
from backproof.oracles.profiles import DRAWN
from backproof.reports.report import Report
from backproof.verification import campaign
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress
from tests.verifying import verify

SMALL = Campaign(networks=12, oracles=("torch",))


class StopsAfter(Progress):
    """Raises an error once more than so many networks have been judged, each in one dtype."""

    def __init__(self, networks, error):
        self.left, self.error = networks, error

    def judged(self, networks=1):
        self.left -= networks
        if self.left < 0:
            raise self.error


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of three networks."""
    monkeypatch.setattr(campaign, "LARGEST_PART", 3)
    monkeypatch.setattr(campaign, "SMALLEST_PART", 3)


def read(folder):
    """What report.json holds."""
    return json.loads((folder / "report.json").read_bytes())


def contents(folder):
    """Every file in a folder, with its bytes."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def agreeing(tmp_path_factory):
    """The folder of a run in which everything agrees."""
    folder = tmp_path_factory.mktemp("agreeing")
    verify("backproof.reference_impl", SMALL, folder, page=True)
    return folder


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A file whose hidden layers forget the derivative, and whose tanh is missing."""
    path = tmp_path_factory.mktemp("planted") / "planted.py"
    path.write_text(
        "from backproof.mistakes.hidden import HiddenDerivativeMissing\n"
        "it = HiddenDerivativeMissing()\n"
        "sigmoid, sigmoid_prime, relu, relu_prime = it.sigmoid, it.sigmoid_prime, it.relu, it.relu_prime\n"
        "softmax, loss, forward, backward = it.softmax, it.loss, it.forward, it.backward\n"
    )
    return str(path)


class TestAgreement:
    """The report of a run in which everything agrees."""

    def test_fields(self, agreeing):
        """What others read: verdict, number of networks, quantities with their counts and ratios."""
        report = read(agreeing)
        assert (report["verdict"], report["networks"], report["schema_version"]) == ("agree", 12, "3.3")
        assert report["summary"].startswith(
            "reference_impl agrees with torch on all 12 networks, in float64 and float32: no error is larger than 0."
        )
        rows = {(row["quantity"], row["dtype"], row["oracle"]): row for row in report["quantities"]}
        assert len(rows) == 13 * 2
        row = rows["dW", "float64", "torch"]
        assert (row["cases"], row["failures"]) == (12, 0)
        assert 0 < row["coarse_entries"] <= row["unchecked_entries"] < row["entries"]
        assert 0 <= row["median_ratio"] <= row["worst_ratio"] <= 1
        assert row["worst"]["replay"].startswith("backproof replay v3:")
        assert set(report["environment"]) == {
            "python", "numpy", "torch", "jax", "jaxlib", "blas", "processor", "platform",
        }  # fmt: skip
        assert report["environment"]["numpy"] == np.__version__

    def test_too_coarse(self, agreeing):
        """How many numbers a tenth left unchecked: by quantity, by profile, in the verdict's sentence, on the pages."""
        report, tenth = read(agreeing), "rounding alone can change it by a tenth"
        rows = [row for row in report["quantities"] if row["coarse_entries"]]
        shares = {}
        for row in rows:
            (place,) = [
                place
                for place in report["unchecked"]
                if all(place[field] == row[field] for field in ("quantity", "dtype", "oracle"))
                and place["cause"] == tenth
            ]
            assert place["entries"] == sum(place["profiles"].values()) == row["coarse_entries"]
            assert 0 < place["networks"] <= row["unchecked"]
            share = (row["coarse_entries"] - row["finer_entries"]) / row["entries"]
            shares[row["quantity"]] = max(share, shares.get(row["quantity"], 0))
        said = [f"{share:.0%} of {quantity}" for quantity, share in shares.items() if share >= 0.01]
        _, _, end = report["summary"].partition("; rounding may change by a tenth, and so leaves unchecked, ")
        assert len(said) > 2
        assert end == f"{', '.join(said[:-1])} and {said[-1]}."
        records = f"'{agreeing}/records/*.parquet'"
        for row in rows:
            where = f"quantity = '{row['quantity']}' AND dtype = '{row['dtype']}'"
            sums = duckdb.sql(f"SELECT sum(entries), sum(unchecked), sum(coarse) FROM {records} WHERE {where}")
            assert sums.fetchall() == [tuple(row[f"{count}entries"] for count in ("", "unchecked_", "coarse_"))]
        (gradients,) = [row for row in rows if (row["quantity"], row["dtype"]) == ("dW", "float32")]
        table = (
            f"| dW | float32 | torch | 2 | {gradients['coarse_entries']} | saturated {gradients['coarse_entries']} |"
        )
        assert f"{table} {tenth} |" in (agreeing / "report.md").read_text()
        assert (
            f"<td>saturated {gradients['coarse_entries']}</td><td>{tenth}</td>"
            in (agreeing / "report.html").read_text()
        )

    def test_schema(self, agreeing):
        """report.json is what its documented schema says, and reads back as the same report."""
        import jsonschema

        jsonschema.validate(read(agreeing), json.loads(Report.schema()))
        again = msgspec.json.decode((agreeing / "report.json").read_bytes(), type=Report)
        assert again.to_json() == (agreeing / "report.json").read_bytes()

    def test_same_bytes(self, agreeing, tmp_path):
        """The same command writes the same report; how long it took is in a file of its own."""
        verify("backproof.reference_impl", SMALL, tmp_path, page=True)
        for name in ("report.json", "report.md", "report.html"):
            assert (tmp_path / name).read_bytes() == (agreeing / name).read_bytes()
        assert json.loads((tmp_path / "timing.json").read_bytes())["seconds"] > 0

    def test_records_can_be_queried(self, agreeing):
        """The records behind the report are plain Parquet files."""
        count = duckdb.sql(f"SELECT count(DISTINCT number) FROM '{agreeing}/records/*.parquet'").fetchall()
        assert count == [(12,)]

    def test_an_earlier_report_is_replaced(self, agreeing, tmp_path):
        """A second run into the same folder leaves nothing of the first."""
        verify("backproof.reference_impl", Campaign(networks=2, oracles=("torch",), profile="narrow"), tmp_path)
        verify("backproof.reference_impl", Campaign(networks=1, oracles=("torch",), profile="integers"), tmp_path)
        assert read(tmp_path)["networks"] == 1
        assert duckdb.sql(f"SELECT DISTINCT \"case\" FROM '{tmp_path}/records/*.parquet'").fetchall() == [
            ("v3:integers:0:0",)
        ]


class TestDisagreement:
    """The report of a run with a planted mistake."""

    def test_failures(self, planted, tmp_path):
        """Only what is wrong fails, shown on the smallest network, with its values and the command."""
        report = verify(planted, SMALL, tmp_path)
        assert report.verdict == "disagree"
        assert {place.quantity.partition("[")[0] for place in report.failures} == {"dW", "db"}
        assert "in dW and db" in report.summary
        place = report.failures[0]
        assert None not in (place.got, place.expected, place.allowed)
        assert place.replay.endswith(f"--dtype float64 --implementation {planted} --oracle torch")
        failing = {row.quantity: row.failures for row in report.quantities if row.failures}
        assert set(failing) == {"dW", "db"}

    def test_what_is_missing_is_unchecked(self, planted, tmp_path):
        """It is not passed, and its reason is given."""
        report = verify(planted, SMALL, tmp_path)
        assert report.implementation.missing == ["tanh", "tanh_prime", "gradient_descent_step"]
        (tanh,) = {(row.cases, row.failures, row.unchecked) for row in report.quantities if row.quantity == "tanh"}
        assert tanh == (0, 0, 12)
        assert "there is no function tanh" in {row.cause for row in report.unchecked}

    def test_by_layer(self, planted, tmp_path):
        """Where the hidden layers' derivative is missing, the last layer is right, and some before it are not."""
        report = verify(planted, SMALL, tmp_path, page=True)
        outcomes = {(one.quantity, one.back): one for one in report.layers}
        assert {quantity for quantity, _ in outcomes} == {"dW", "db"}
        for quantity in ("dW", "db"):
            (checked,) = {row.cases for row in report.quantities if (row.quantity, row.dtype) == (quantity, "float64")}
            last, before = outcomes[quantity, 0], outcomes[quantity, 1]
            assert (last.networks, last.failed) == (checked, 0)
            assert 0 < before.failed <= before.networks < checked
        said = f"dW on 0 of {outcomes['dW', 0].networks}, {outcomes['dW', 1].failed} of {outcomes['dW', 1].networks}, "
        for page in ("report.html", "report.md"):
            assert f"Wrong by layer, the last one first: {said}" in (tmp_path / page).read_text()

    @pytest.mark.long
    def test_by_profile(self, tmp_path):
        """Where it is right, in numbers and in the sentence; each network is of one profile."""
        path = tmp_path / "kink.py"
        path.write_text("import numpy as np\ndef relu_prime(z): return np.where(z == 0, 0.7, z > 0).astype(z.dtype)\n")
        report = verify(str(path), replace(SMALL, networks=60), tmp_path / "out", page=True)
        profiles = {one.profile: (one.networks, one.checked, one.failed) for one in report.profiles}
        assert set(profiles) == set(DRAWN)
        assert profiles["ordinary"] == (10, 10, 0)
        assert profiles["kinks"][2] > 0
        assert "; on the 10 ordinary networks it is right" in report.summary
        assert "Wrong by profile: 0 of 10 ordinary" in (tmp_path / "out" / "report.html").read_text()
        assert sum(networks for networks, _, _ in profiles.values()) == 60

    def test_wrong_on_ordinary_networks(self, planted, tmp_path):
        """Then the sentence says nothing of where it is right."""
        report = verify(planted, SMALL, tmp_path)
        assert "it is right" not in report.summary
        assert {one.profile: one.failed for one in report.profiles}["ordinary"] > 0

    def test_only_leniently(self, tmp_path):
        """An implementation that would agree under the lenient grade is told so."""
        path = tmp_path / "tanh_form.py"
        path.write_text("import numpy as np\ndef sigmoid(z): return (0.5 * (1 + np.tanh(z / 2))).astype(z.dtype)\n")
        usual = verify(str(path), Campaign(networks=40, oracles=("torch",)), tmp_path / "usual")
        assert usual.verdict == "agree but for"
        assert [found.name for found in usual.differences] == ["AbsoluteAccuracy"]
        strict = verify(str(path), Campaign(networks=40, oracles=("torch",), strict=True), tmp_path / "strict")
        assert strict.verdict == "disagree"
        assert "it would agree if functions had to be accurate only absolutely" in strict.summary
        assert all(place.leniently for place in strict.failures)
        lenient = verify(str(path), Campaign(networks=40, oracles=("torch",), grade="lenient"), tmp_path / "lenient")
        assert lenient.verdict == "agree"
        assert "not checked at all: output, loss, dW" in lenient.summary

    def test_raising_on_some_cases(self, tmp_path):
        """Those fail, and the rest is judged."""
        path = tmp_path / "picky.py"
        path.write_text(
            "from backproof import reference_impl\n"
            "def backward(weights, biases, x, y, activations, loss):\n"
            "    if len(x) == 1: raise IndexError('too small')\n"
            "    return reference_impl.backward(weights, biases, x, y, activations, loss)\n"
        )
        report = verify(str(path), SMALL, tmp_path)
        row = next(row for row in report.quantities if (row.quantity, row.dtype) == ("dW", "float64"))
        assert 0 < row.failures < row.cases == 12
        assert row.worst_ratio is None
        assert {place.cause for place in report.failures} == {
            "backward raised IndexError: too small (picky.py, line 3)"
        }


def test_no_page_of_an_earlier_report(tmp_path):
    """The page is made on request; until then there is none, rather than one that tells something else."""
    verify("backproof.reference_impl", replace(SMALL, networks=2), tmp_path, page=True)
    verify("backproof.reference_impl", replace(SMALL, networks=3), tmp_path)
    assert not list(tmp_path.glob("report.[mh]*"))
    write_page(tmp_path)
    assert "on all 3 networks" in (tmp_path / "report.html").read_text()
    with pytest.raises(ValueError, match=r"there is no report that this version of backproof can read"):
        write_page(tmp_path / "elsewhere")


class TestWhatCannotRun:
    """A sentence, the status, and what was verified before."""

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_no_implementation(self, jobs, tmp_path):
        """A typing error costs nothing: what an earlier run has left stays, to the last byte."""
        verify("backproof.reference_impl", replace(SMALL, networks=1), tmp_path, page=True)
        before = contents(tmp_path)
        with pytest.raises(CouldNotRunError, match=r"there is no file nowhere\.py"):
            verify("nowhere.py", SMALL, tmp_path, page=True, jobs=jobs)
        assert contents(tmp_path) == before

    def test_no_oracle(self, tmp_path, monkeypatch):
        """Nor does an oracle that cannot work."""
        verify("backproof.reference_impl", replace(SMALL, networks=1), tmp_path)
        before = contents(tmp_path)
        monkeypatch.setattr(campaign, "begin", lambda names: {})  # whether PyTorch is loaded here or not
        monkeypatch.setattr(campaign, "load_oracle", lambda name: (_ for _ in ()).throw(RuntimeError("no")))
        with pytest.raises(CouldNotRunError, match="the oracle torch cannot work here: no"):
            verify("backproof.reference_impl", SMALL, tmp_path)
        assert contents(tmp_path) == before

    def test_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(CouldNotRunError, match=r"the output folder .*file/out cannot be written: Not a directory"):
            verify("backproof.reference_impl", SMALL, tmp_path / "file" / "out")

    def test_nothing_to_check(self, tmp_path):
        """An implementation that claims nothing is not right."""
        path = tmp_path / "nothing.py"
        path.write_text("def relu(z): raise NotImplementedError\n")
        with pytest.raises(CouldNotRunError, match=r"there was nothing to check on any of 12 networks"):
            verify(str(path), SMALL, tmp_path)

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("too much")])
    def test_stopped_half_way(self, error, tmp_path, small_parts):
        """What was judged until then is kept and reported, in parts and within a part."""
        with pytest.raises(CouldNotRunError, match="on the 3 networks until then it agreed") as raised:
            verify("backproof.reference_impl", SMALL, tmp_path, StopsAfter(2 * 3, error))
        reason = "it was interrupted" if isinstance(error, KeyboardInterrupt) else "MemoryError: too much"
        assert reason in str(raised.value)
        report = read(tmp_path)
        assert (report["verdict"], report["networks"]) == ("could not run", 3)
        kept = {row["dtype"]: row["cases"] for row in report["quantities"] if row["quantity"] == "output"}
        assert kept["float64"] > kept["float32"] == 3

    def test_stopped_after_a_disagreement(self, planted, tmp_path, small_parts):
        """A disagreement that was found is one, whatever came after."""
        report = verify(planted, SMALL, tmp_path, StopsAfter(2 * 3, KeyboardInterrupt()))
        assert report.verdict == "disagree"
        assert report.summary.endswith("(stopped after 3 of 12: it was interrupted).")
