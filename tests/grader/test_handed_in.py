"""What is handed in as it comes: notebooks, folders, archives; and what of it nobody could run."""

import contextlib
import io
import json
import stat
import tarfile
import zipfile

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.grader.assignment import CouldNotGradeError, UngradableError
from backproof.grader.handed_in import archives
from backproof.grader.handed_in.archives import Most, unpack
from backproof.grader.handed_in.notebooks import _python, read_notebook
from backproof.grader.handed_in.programs import choose, programs
from backproof.grader.handed_in.submission import find_submission, handed_in
from tests.backproof.commands import run
from tests.grader.conftest import needs_bubblewrap
from tests.grader.students import RIGHT

EXPORTS = {"feedback.html", "feedback.md", "grade.json", "junit.xml", "results.json"}


def notebook(*cells, version=4):
    """A notebook with cells of code, as text."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    made["nbformat_minor"] = 4
    for cell in made["cells"]:
        del cell["id"]  # which came with 4.5
    return nbformat.writes(nbformat.convert(made, version), version)


class TestNotebooks:
    @pytest.mark.parametrize(
        ("cell", "left"),
        [
            ("%matplotlib inline\nx = 1", "pass\nx = 1"),
            ("if True:\n    !ls\nelse:\n    x = 1", "if True:\n    pass\nelse:\n    x = 1"),
            ("files = !ls\nx = 2", "pass\nx = 2"),
            ("t = %timeit -o f()\nx = 2", "pass\nx = 2"),
            ("f?\nx = 2", "pass\nx = 2"),
            ("?f\nx = 2", "pass\nx = 2"),
            ("%%time\nx = 2", "\nx = 2"),
            ("%%timeit -n 3\nx = 2", "\nx = 2"),
            ("%%bash\nrm x", "\n"),
            ("\n%%html\n<p>", "\n\n"),
            ("!echo \"it's\nx = 1", "pass\nx = 1"),
        ],
    )
    def test_what_is_for_notebooks_alone(self, cell, left):
        lines, dropped = _python(cell)
        assert "\n".join(lines) == left
        assert len(dropped) == 1

    @pytest.mark.parametrize("cell", ["x = (5\n% 3)", "s = '''\n%d\n!\n?'''", "y = x \\\n% 2", "d = {\n1: 2}  # why?"])
    def test_what_is_python(self, cell):
        """Is left as it is, wherever a line begins with a percent sign."""
        assert _python(cell) == (cell.split("\n"), [])

    @given(st.text(alphabet="%!?= x\n():'\"\\#", max_size=40).filter(str.strip))
    def test_any_cell(self, cell):
        """Lines stay where they are, and what is Python is not touched."""
        lines, dropped = _python(cell)
        assert len(lines) == cell.count("\n") + 1
        assert dropped == sorted(dropped)
        try:
            compile(cell, "", "exec")
        except (SyntaxError, ValueError):
            return
        assert cell.startswith("%%") or not dropped

    @pytest.mark.parametrize("version", [3, 4])
    def test_versions(self, version, tmp_path):
        path = tmp_path / "a.ipynb"
        path.write_text(notebook("x = 1", "%%time\n\ny = 2", version=version))
        found = read_notebook(path)
        assert found.source == "x = 1\n\n\ny = 2\n"
        assert [found.place(line) for line in (1, 2, 4)] == ["cell 1, line 1", "cell 2, line 1", "cell 2, line 3"]
        assert found.remark() == "Left out, since it is for a notebook alone: %%time (cell 2, line 1)."

    def test_outputs_are_passed_over(self, tmp_path):
        """Whatever is in a notebook besides its cells' sources makes nothing."""
        path = tmp_path / "a.ipynb"
        text = json.dumps(
            {"nbformat": 4, "metadata": 3, "x": [{}] * 1000, "cells": [{"cell_type": "code", "source": ["x", "=1"]}]}
        )
        path.write_text(text)
        assert read_notebook(path).source == "x=1\n"

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "{}", '{"cells": 3}', '{"nbformat": 4, "cells": [1]}', "\xff", "[" * 100_000, '{"nbformat": 99}'],
    )
    def test_no_notebook(self, text, tmp_path):
        path = tmp_path / "a.ipynb"
        path.write_text(text, encoding="latin-1")
        with pytest.raises(UngradableError, match="is not a notebook that can be read"):
            read_notebook(path)


class TestPrograms:
    @pytest.mark.parametrize(
        ("files", "chosen"),
        [
            ({"a.py": "def relu(): ...", "b.py": "def relu(): ...\ndef sigmoid(): ..."}, "b.py"),
            ({"a.py": "def relu(): ...", "b.py": "from a import *"}, "b.py"),
            ({"a.py": "def relu(): ...", "b.py": "from .a import relu"}, "b.py"),
            ({"main.py": "from src.a import *", "src/a.py": "relu = max"}, "main.py"),
            ({"z.py": "import a\ndef relu(): ...", "a.py": "import z\nfrom z import *"}, "a.py"),
            ({"a.py": "def test(): ...", "b/b.py": "class relu: ..."}, "b/b.py"),
            ({"b.py": "def relu(): ...", "a.py": "def relu(): ..."}, "a.py"),
            ({"a.ipynb": notebook("def relu(): ..."), "b.py": "def relu(): ..."}, "b.py"),
            ({"a.ipynb": notebook("def relu(): ..."), "b.py": "import os"}, "a.ipynb"),
            ({"a.ipynb": "no notebook", "b.py": "relu: object = 1"}, "b.py"),
            ({"a.py": "from b import (sigmoid,\n relu as r)", "b.py": "def sigmoid(): ..."}, "a.py"),
            ({".hidden/a.py": "def relu(): ...", "__MACOSX/._b.py": "", "b.py": ""}, "b.py"),
        ],
    )
    def test_the_one_with_most_functions(self, files, chosen, tmp_path):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        found, why = choose(tmp_path, programs(tmp_path), ["sigmoid", "relu"])
        assert str(found) == chosen
        assert (chosen in why) == (len(programs(tmp_path)) > 1)


LONG = 2**18


@pytest.mark.parametrize(
    "source",
    [
        "from " + "." * LONG,
        "from " + " " * LONG + "x",
        "import " + "a," * LONG,
        "x" * LONG,
        "x:" + " " * LONG,
        "%" * LONG,
    ],
)
@pytest.mark.parametrize("name", ["mine.py", "mine.ipynb"])
def test_long_lines(source, name, tmp_path):
    """Take no longer than others: were it quadratic, this would not end today."""
    (tmp_path / "other.py").write_text("def relu(): ...")
    (tmp_path / name).write_text(
        source if name.endswith(".py") else notebook(source, " " * LONG, "?" * LONG, source + "?")
    )
    assert str(choose(tmp_path, programs(tmp_path), ["relu"])[0]) == "other.py"


def zipped(path, entries):
    """A zip archive; a value is a text, or a link's target in a tuple."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if isinstance(content, tuple):
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(entry, content[0] if isinstance(content, tuple) else content)
    return path


def tarred(path, entries):
    """A tar archive; a value is a text, or a link's target in a tuple."""
    with tarfile.open(path, "w:gz") as made:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                entry.type, entry.linkname = tarfile.SYMTYPE, content[0]
                made.addfile(entry)
            else:
                data = content.encode()
                entry.size = len(data)
                made.addfile(entry, io.BytesIO(data))
    return path


MADE = {"a.zip": zipped, "a.tar.gz": tarred}


@pytest.mark.parametrize("name", MADE)
class TestArchives:
    def test_unpacked(self, name, tmp_path):
        archive = MADE[name](tmp_path / name, {"hw/学生.py": "x = 1", "__MACOSX/._a.py": "", "hw/data/b.txt": "b"})
        unpack(archive, tmp_path / "out")
        found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
        assert found == ["hw/data/b.txt", "hw/学生.py"]

    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            ({"../a.py": ""}, "leads out"),
            ({"x/../../a.py": ""}, "leads out"),
            ({"/etc/a.py": ""}, "leads out"),
            ({"..\\a.py": ""}, "leads out"),
            ({"C:\\a.py": ""}, "leads out"),
            ({"a.py": ("/etc/passwd",)}, "a link"),
            ({"a": "", "a/b": ""}, "cannot be unpacked"),
            ({f"{'a/' * 30}b": ""}, "more than 20 folders"),
            ({f"{'a' * 300}": ""}, "cannot be unpacked"),
            ({f"{i}.py": "" for i in range(11)}, "over 10 files"),
            ({"a": "0" * (2**20 + 1)}, "or 1 MiB"),
        ],
    )
    def test_refused(self, name, entry, why, tmp_path):
        """By the archive's name, and nothing is written outside."""
        archive = MADE[name](tmp_path / name, entry)
        with pytest.raises(UngradableError, match=why) as raised:
            unpack(archive, tmp_path / "out", Most(10, 2**20))
        assert name in str(raised.value)
        assert {path.name for path in tmp_path.iterdir()} <= {name, "out"}

    @given(data=st.data())
    def test_damaged(self, name, data, tmp_path_factory):
        """Any byte cut, flipped or put in: it is unpacked, or that is told in a sentence."""
        folder = tmp_path_factory.mktemp("damaged")
        archive = MADE[name](folder / name, {"a.py": "x = 1\n" * 50, "b/c.py": "y = 2"})
        whole = bytearray(archive.read_bytes())
        place = data.draw(st.integers(0, len(whole) - 1))
        how = data.draw(st.sampled_from(["cut", "flip", "insert"]))
        if how == "cut":
            del whole[place:]
        elif how == "flip":
            whole[place] ^= data.draw(st.integers(1, 255))
        else:
            whole[place:place] = data.draw(st.binary(min_size=1, max_size=9))
        archive.write_bytes(whole)
        with contextlib.suppress(UngradableError):
            unpack(archive, folder / "out")
        assert {path.name for path in folder.iterdir()} <= {name, "out"}

    def test_a_bomb(self, name, tmp_path):
        """No more is written than may be there."""
        archive = MADE[name](tmp_path / name, {"a": "0" * (200 * 2**20)})
        assert archive.stat().st_size < 2**20
        with pytest.raises(UngradableError, match="more than a submission"):
            unpack(archive, tmp_path / "out")
        assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) <= archives.MOST_BYTES


def test_long_names(tmp_path):
    """Are told as far as that is of any use."""
    for entry in ("../" + "a" * 2**20, "a/" * 2**16, "b" * 2**20):
        tarred(tmp_path / "a.tar.gz", {entry: ""})
        with pytest.raises(UngradableError, match=r"a\.tar\.gz") as raised:
            unpack(tmp_path / "a.tar.gz", tmp_path / "out")
        assert len(str(raised.value)) <= 500


def test_a_bomb_of_names(tmp_path):
    """What describes the files in a tar archive is no longer than it may be either."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", pax_headers={"comment": "0" * (200 * 2**20)}) as tar:
        tar.addfile(tarfile.TarInfo("a.py"))
    (tmp_path / "a.tgz").write_bytes(made.getvalue())
    with pytest.raises(UngradableError, match="more than a submission"):
        unpack(tmp_path / "a.tgz", tmp_path / "out")


def test_a_long_list(tmp_path):
    """A zip archive's list of files is not read where it is longer than it may be."""
    zipped(tmp_path / "a.zip", {f"{'n' * 60_000}{i}": "" for i in range(50)})
    with pytest.raises(UngradableError, match="more than a submission"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_names_without_an_encoding(tmp_path):
    """Some programs write UTF-8 and do not say so."""
    zipped(tmp_path / "a.zip", {"学生.py": "x = 1"})
    whole = (tmp_path / "a.zip").read_bytes()
    for marker, offset in ((b"PK\3\4", 7), (b"PK\1\2", 9)):  # the flag in both headers
        place = whole.index(marker) + offset
        whole = whole[:place] + bytes([whole[place] & ~8]) + whole[place + 1 :]
    (tmp_path / "a.zip").write_bytes(whole)
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["学生.py"]


def test_an_archive_in_a_folder_in_an_archive(tmp_path):
    """As learning platforms make them."""
    zipped(tmp_path / "inner.zip", {"hw/mine.py": "x = 1"})
    zipped(tmp_path / "outer.zip", {"hw 3/inner.zip": (tmp_path / "inner.zip").read_bytes()})
    with handed_in(tmp_path / "outer.zip") as found:
        assert (found.name, found.main) == ("outer", "hw/mine.py")
        assert (found.path / found.main).read_text() == "x = 1"
    assert not found.path.exists()


class TestUngradable:
    """What is nothing that could be run."""

    @pytest.mark.parametrize(
        ("name", "content", "why"),
        [
            ("a.pdf", "%PDF", "a.pdf is no program"),
            ("a.zip", "", "a.zip cannot be unpacked: File is not a zip file"),
            ("a.ipynb", "", "a.ipynb is not a notebook"),
            ("a/readme.txt", "", "the submission has no program in it"),
        ],
    )
    @needs_bubblewrap
    def test_no_points_and_all_exports(self, name, content, why, tmp_path, monkeypatch):
        """A grade of 0, with one sentence, wherever that is looked for."""
        monkeypatch.chdir(tmp_path)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        done = run("grade", name.partition("/")[0])
        assert done.exit_code == 0
        assert why in done.stdout
        folder = tmp_path / "backproof-grades" / "a"
        assert {file.name for file in folder.iterdir()} == EXPORTS
        assert all(why in (folder / export).read_text() for export in EXPORTS)
        grade = json.loads((folder / "grade.json").read_bytes())
        assert (grade["score"], grade["max_score"]) == (0, 100)
        assert json.loads((folder / "results.json").read_bytes())["score"] == 0

    def test_a_submission_by_hand(self, tmp_path):
        with pytest.raises(UngradableError, match="has no program in it"):
            find_submission(tmp_path)


@needs_bubblewrap
class TestAdapters:
    """An instructor's mistake is no student's."""

    @pytest.mark.parametrize(
        "text",
        ["import submision", "def backward(:", "import submission\nNet = sumbission.Net", "1 / 0", "raise SystemExit"],
    )
    def test_broken(self, text, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.py").write_text(RIGHT)
        (tmp_path / "adapter.py").write_text(text)
        done = run("grade", "mine.py", "--adapter", "adapter.py")
        assert done.exit_code == 2
        assert "the adapter adapter.py does not work: the file cannot be imported" in done.stderr
        assert {path.name for path in (tmp_path / "backproof-grades" / "mine").iterdir()} == {
            "results.json",
            "junit.xml",
        }

    @pytest.mark.parametrize(
        "text", ["from submission import Net", "import submission\nmade = submission.Net([3, 2]).layers"]
    )
    def test_what_a_submission_lacks(self, text, tmp_path, monkeypatch):
        """Is the submission's fault, which has no points."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.py").write_text("")
        (tmp_path / "adapter.py").write_text(text)
        done = run("grade", "mine.py", "--adapter", "adapter.py")
        assert (done.exit_code, "0 of 100 points" in done.stdout) == (0, True)


def test_where_nothing_is_run(tmp_path, monkeypatch):
    """A learning platform tells the instructor, and gives nobody a zero."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    (tmp_path / "mine.py").write_text(RIGHT)
    assert run("grade", "mine.py").exit_code == 2
    results = json.loads((tmp_path / "backproof-grades" / "mine" / "results.json").read_bytes())
    assert "score" not in results
    assert results["output"].startswith("This was not graded here: submissions are run under bubblewrap")
    assert "<error message=" in (tmp_path / "backproof-grades" / "mine" / "junit.xml").read_text()


def test_a_link_is_no_submission(tmp_path):
    (tmp_path / "mine.py").symlink_to("/etc/passwd")
    with pytest.raises(CouldNotGradeError, match="is a link to /etc/passwd"), handed_in(tmp_path / "mine.py"):
        pass
