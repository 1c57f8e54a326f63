"""`reports.rendering` and `reports.charts`: the files of a report, as their readers find them."""

import html
import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import msgspec
import pytest

from backproof.reports.charts import charts
from backproof.reports.report import MistakeFound
from backproof.reports.terminal import report_view
from backproof.verification.campaign import Campaign
from tests.reports.test_verdict import planted  # noqa: F401  a fixture
from tests.verifying import verify


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A report, and the folder that it was written to."""
    folder = tmp_path_factory.mktemp("written")
    return verify(
        "backproof.reference_impl", Campaign(networks=24, oracles=("torch", "complex-step")), folder, page=True
    ), folder


@pytest.fixture(scope="module")
def failing(planted, tmp_path_factory):  # noqa: F811
    """A report with failures, and the folder that it was written to."""
    tmp_path = tmp_path_factory.mktemp("failing")
    return verify(planted, Campaign(networks=24, oracles=("torch",)), tmp_path, page=True), tmp_path


def in_terminal(report) -> str:
    """What the terminal shows."""
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report_view(report))
    return console.export_text()


class TestMarkdown:
    """report.md."""

    def test_verdict_first(self, written):
        report, folder = written
        assert (folder / "report.md").read_text().startswith(f"# Agrees\n\n{report.summary}\n")

    def test_tables_are_tables(self, failing):
        """Every row of a table has as many cells as its head."""
        text = (failing[1] / "report.md").read_text()
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(cells) == 1, table

    def test_charts_lie_beside_it(self, written):
        """Each chart that it shows is an SVG file in the same folder."""
        shown = re.findall(r"!\[.*\]\((.*)\)", (written[1] / "report.md").read_text())
        assert shown == ["ratios.svg", "growth.svg", "fineness.svg"]
        for name in shown:
            assert ET.parse(written[1] / name).getroot().tag.endswith("svg")

    def test_failures_with_their_commands(self, failing):
        report, folder = failing
        text = (folder / "report.md").read_text()
        assert all(f"`{place.replay}`" in text for place in report.failures)


class TestHtml:
    """report.html."""

    def test_needs_no_network(self, written):
        """Nothing is loaded from anywhere: no address in a src, href, url() or import."""
        text = (written[1] / "report.html").read_text()
        assert not re.findall(r"""(?:src|href)\s*=\s*["']?[^"'> ]*//""", text)
        assert not re.findall(r"url\(\s*['\"]?https?:|@import|<link|<iframe|<script[^>]+src", text)

    @pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")
    @pytest.mark.parametrize("which", ["written", pytest.param("failing", marks=pytest.mark.long)])
    def test_opens_in_a_browser(self, which, request, tmp_path):
        """In a real browser, off line, the verdict stands first and all charts are drawn."""
        report, folder = request.getfixturevalue(which)
        page = browse(folder / "report.html", tmp_path)
        body = page[page.index("<body") :]
        assert report.summary in html.unescape(body)
        assert body.index("<strong>") < body.index("<svg")
        assert len(re.findall(r"<svg[^>]*class=\"marks\"", body)) == 3
        assert "error / allowed, against torch" in body

    def test_what_an_implementation_says_is_text(self, tmp_path):
        """Markup in a message or a path cannot become part of the page."""
        path = tmp_path / "<b>.py"
        path.write_text("def relu(z): raise ValueError('</script><script>alert(1)</script>|`')\n")
        verify(str(path), Campaign(networks=2, oracles=("torch",)), tmp_path, page=True)
        page = (tmp_path / "report.html").read_text()
        assert "<script>alert" not in page
        assert "<b>.py" not in page
        assert "\\|`" in (tmp_path / "report.md").read_text()


def browse(path, profile) -> str:
    """The page as a headless browser has it once its scripts have run, without any network."""
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--virtual-time-budget=9000",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={profile}/browser",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def values(specification, layer) -> list:
    """The rows that a layer of a chart shows."""
    return specification["datasets"][layer["data"]["name"]]


class TestCharts:
    """What they show is what was found."""

    def test_limit_and_quantities(self, written):
        """A panel for each oracle, all quantities in each, the limit at 1, on a logarithmic axis."""
        report, _ = written
        ratios = charts(report)[0].specification
        assert len(ratios["hconcat"]) == 2
        line, *_, limit, text = ratios["hconcat"][0]["layer"]
        assert len({row["quantity"] for row in values(ratios, line)}) == 13
        assert line["encoding"]["x"]["scale"]["type"] == "log"
        assert values(ratios, limit) == [{"at": 1.0, "text": "limit"}] == values(ratios, text)

    def test_failures_stand_at_the_right_edge(self, failing):
        """A failure beyond all bounds is not left out."""
        report, _ = failing
        ratios = charts(report)[0].specification
        worst = {row["quantity"]: row["largest"] for row in values(ratios, ratios["hconcat"][0]["layer"][0])}
        assert worst["dW"] == worst["db"] == 1e6
        assert worst["output"] < 1

    def test_growth(self, written):
        """Depth and width, each with its own sizes."""
        growth = charts(written[0])[1].specification
        depth, width = growth["hconcat"]
        assert {row["size"] for row in values(growth, depth["layer"][0])} <= set(range(1, 9))
        assert {row["size"] for row in values(growth, width["layer"][0])} <= {1, 2, 4, 8, 16, 32, 64}

    def test_no_chart_of_what_is_not_there(self, tmp_path):
        """Without gradients none of their growth, and none left from an earlier report."""
        path = tmp_path / "relu_only.py"
        path.write_text("from backproof.reference_impl import relu\n")
        (tmp_path / "growth.svg").write_text("of an earlier report")
        report = verify(str(path), Campaign(networks=2, oracles=("torch",)), tmp_path, page=True)
        assert [chart.name for chart in charts(report)] == ["ratios", "fineness"]
        assert {file.name for file in tmp_path.glob("*.svg")} == {"ratios.svg", "fineness.svg"}


class TestTerminal:
    """What is printed."""

    @pytest.mark.parametrize(
        ("names", "points"),
        [
            ([], True),
            (["LossIgnored"], True),
            (["SignReversed"], False),
            (["ActivationsIgnored", "SignReversed"], True),
        ],
    )
    def test_where_it_points_to_infer(self, names, points, failing):
        """Where no mistake has a name, or the program is made for something that it does not say."""
        found = MistakeFound(names, [], "What it does.", "", ["backward"], 3)
        report = msgspec.structs.replace(failing[0], mistakes=[found] if names else [])
        assert ("backproof infer" in in_terminal(report)) == points

    def test_agreement(self, written):
        """A row for each quantity and dtype, the verdict last."""
        report, _ = written
        lines = in_terminal(report).splitlines()
        assert re.split(" {2,}", lines[0].strip()) == [
            "quantity", "dtype", "networks", "failures", "worst error / allowed", "median", "worst at",
        ]  # fmt: skip
        assert len([line for line in lines if re.match(r"\w+ +float32", line)]) == 13
        assert " ".join(line.strip() for line in lines).endswith(f" {report.summary}")

    def test_failures(self, failing):
        """Quantity, entry, values and the command."""
        report, _ = failing
        text = in_terminal(report)
        for place in report.failures:
            assert f"{place.quantity} at {place.index} in {place.dtype}" in text
            assert repr(place.got) in text
            assert place.replay in text
