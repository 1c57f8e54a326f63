"""`verification.run`: a verdict is of one run on one implementation, whole, or there is none."""

import errno
import os

import pytest

from backproof.verification import execution, folders
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress
from backproof.verification.store import Store, read_manifest
from tests.verification.test_execution import CAMPAIGN, Notes, report
from tests.verifying import resume, verify

OURS = "backproof.reference_impl"


class Meanwhile(Progress):
    """Does something each time that networks have been judged."""

    def __init__(self, what):
        self.what, self.notes = what, []

    def judged(self, networks=1):
        self.what()

    def note(self, text):
        self.notes.append(text)


def damage(path):
    path.write_bytes(path.read_bytes()[:-1])


class TestWhole:
    """Agreement is on all parts; what is missing is missed."""

    @pytest.mark.parametrize("harm", [os.remove, damage])
    def test_a_part_that_is_lost(self, harm, tmp_path):
        """Somebody removes or damages the first shard as soon as it is there."""
        lost = []

        def lose():
            for path in (tmp_path / "records").glob("part-000000-*"):
                if not lost:
                    lost.append(path)
                    harm(path)

        with pytest.raises(CouldNotRunError) as raised:
            verify(OURS, CAMPAIGN, tmp_path, Meanwhile(lose))
        assert "the records of networks 0 to 255 are missing or damaged; continue the run" in str(raised.value)
        assert str(raised.value).endswith("on the 344 networks until then it agreed.")
        assert resume(tmp_path).verdict == "agree"

    def test_a_disagreement_is_one_all_the_same(self, tmp_path):
        """In what is there; and it says how much that is."""
        (tmp_path / "wrong.py").write_text("def relu(z): return z\n")
        once = []

        def lose():
            for path in (tmp_path / "out" / "records").glob("part-000000-*"):
                if not once:
                    once.append(path.unlink())

        found = verify(str(tmp_path / "wrong.py"), CAMPAIGN, tmp_path / "out", Meanwhile(lose))
        assert found.verdict == "disagree"
        assert "(stopped after 344 of 600: the records of networks 0 to 255 are missing" in found.summary

    def test_shards_of_another_run(self, tmp_path):
        """They are not summed up, and not removed, wherever they come from."""
        (tmp_path / "wrong.py").write_text("def relu(z): return z\n")
        verify(str(tmp_path / "wrong.py"), CAMPAIGN, tmp_path / "other")
        verify(OURS, CAMPAIGN, tmp_path / "out")
        before = report(tmp_path / "out")
        for path in (tmp_path / "other" / "records").iterdir():
            (tmp_path / "out" / "records" / path.name).write_bytes(path.read_bytes())
        resume(tmp_path / "out")
        assert report(tmp_path / "out") == before
        assert len(list((tmp_path / "out" / "records").iterdir())) == 6

    def test_a_part_twice(self, tmp_path):
        """Of an implementation that answers differently each time, judged by two workers at once."""
        verify(OURS, CAMPAIGN, tmp_path)
        store = Store(folders.absolute(tmp_path), read_manifest(folders.absolute(tmp_path)).fingerprint)
        first = next(store.shards())
        table = execution.Rows(CAMPAIGN, CAMPAIGN.parts[0], CAMPAIGN.draw(CAMPAIGN.parts[0])).table()
        kept = first.path.rename(tmp_path / "kept")
        store.write(0, table)
        kept.rename(first.path)
        with pytest.raises(CouldNotRunError, match=r"networks 0 to 255 are there 2 times, and differ; verify it anew"):
            resume(tmp_path)

    def test_another_run_begins_while_the_report_is_written(self, forget_modules):
        """Where there are no locks; what is said is of the run that holds the folder."""
        folder = "memory://taken/out"

        class Late(Progress):
            """Begins another one, once."""

            begun = False

            def stage(self, text):
                if text == "writing the report" and not self.begun:
                    self.begun = True
                    forget_modules()
                    assert verify(OURS, ONE, folder).verdict == "agree"

        with pytest.raises(CouldNotRunError, match="no longer holds this run: another was begun there meanwhile"):
            verify(OURS, CAMPAIGN, folder, Late())

    def test_disagreements_in_one_dtype_alone(self, tmp_path):
        """Stopped before the other dtype: it is never more networks than were judged."""
        (tmp_path / "wrong.py").write_text("def relu(z): return z\n")

        def stop():
            raise KeyboardInterrupt

        both = Campaign(networks=8, profile="narrow", oracles=("complex-step",))
        found = verify(str(tmp_path / "wrong.py"), both, tmp_path / "out", Meanwhile(stop))
        assert found.networks == 0
        disagree, of = map(int, found.summary.partition(" on ")[2].partition(" networks")[0].split(" of "))
        assert 0 < disagree <= of


ONE = Campaign(networks=2, profile="narrow", dtypes=("float64",), oracles=("complex-step",))

# Ways to import a helper: what mine.py says, and which file it means.
WAYS = {
    "beside it": ("from the_helper import relu\n", "the_helper.py"),
    "in a call": ("def relu(z):\n    from the_helper import relu\n    return relu(z)\n", "the_helper.py"),
    "by a name made up": (
        "import importlib\ndef relu(z): return importlib.import_module('the_' + 'helper').relu(z)\n",
        "the_helper.py",
    ),
    "from a package": ("from the_package.inner import relu\n", "the_package/inner.py"),
    "the package itself": ("from the_package.inner import relu\n", "the_package/__init__.py"),
    "from elsewhere": (
        "import sys\nsys.path.append('ELSEWHERE')\nfrom from_elsewhere import relu\n",
        "else/from_elsewhere.py",
    ),
}


class TestUnchanged:
    """A run goes on with the code that it was begun with, in all of its files."""

    @pytest.fixture(autouse=True)
    def forget(self, forget_modules):
        """Each command is a process of its own."""

    @pytest.mark.parametrize("way", WAYS)
    def test_what_it_imports(self, way, tmp_path, forget_modules):
        text, changed = WAYS[way]
        right = "import numpy as np\ndef relu(z): return np.maximum(z, 0)\n"
        for name in ("the_helper.py", "the_package/inner.py", "the_package/__init__.py", "else/from_elsewhere.py"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("" if "__init__" in name else right)
        (tmp_path / "mine.py").write_text(text.replace("ELSEWHERE", str(tmp_path / "else")))
        verify(str(tmp_path / "mine.py"), ONE, tmp_path / "out")
        forget_modules()
        assert resume(tmp_path / "out").verdict == "agree"
        forget_modules()
        (tmp_path / changed).write_text((tmp_path / changed).read_text() + "# another\n")
        before = report(tmp_path / "out")
        with pytest.raises(ValueError, match=rf"{changed} has changed since the run was begun; verify it anew"):
            resume(tmp_path / "out")
        assert report(tmp_path / "out") == before

    def test_changed_while_it_went_on(self, tmp_path, monkeypatch, forget_modules):
        """Workers that load it at different times judge different code: that is no agreement."""
        (tmp_path / "the_helper.py").write_text("import numpy as np\ndef relu(z): return np.maximum(z, 0)\n")
        (tmp_path / "mine.py").write_text("from the_helper import relu\n")

        load = execution.load_oracles

        def change(*names, **how):
            (tmp_path / "the_helper.py").write_text("import numpy as np\ndef relu(z): return z * (z > 0)\n")
            forget_modules()
            return load(*names, **how)

        monkeypatch.setattr(execution, "load_oracles", change)
        with pytest.raises(CouldNotRunError, match=r"the_helper\.py was changed while the run went on; verify it anew"):
            verify(str(tmp_path / "mine.py"), ONE, tmp_path / "out")


class Full:
    """A disk with no room for files whose names begin so."""

    def __init__(self, *names):
        self.names, self.write = names, folders.write_whole

    def __call__(self, path, data):
        if path.name.startswith(self.names):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        self.write(path, data)


class TestFullDisk:
    """It costs the report and not the verdict; and what is not kept is not judged."""

    def test_report(self, tmp_path, monkeypatch):
        """The verdict of what was judged; nothing is left of an earlier one."""
        (tmp_path / "wrong.py").write_text("def relu(z): return z\n")
        verify(str(tmp_path / "wrong.py"), ONE, tmp_path / "out", page=True)
        monkeypatch.setattr("backproof.reports.verdict.write_whole", Full("report.json", "timing.json"))
        notes = Notes()
        assert verify(OURS, ONE, tmp_path / "out", notes, page=True).verdict == "agree"
        assert notes.notes[0] == f"The report could not be written into {tmp_path / 'out'}: No space left on device."
        assert notes.notes[1].startswith("The page could not be written: in")
        assert not list((tmp_path / "out").glob("report.*"))

    @pytest.mark.parametrize("part", ["part-000001", "part-000000"])
    def test_shards(self, part, tmp_path, monkeypatch):
        monkeypatch.setattr("backproof.verification.store.write_whole", Full(part))
        with pytest.raises(CouldNotRunError, match=r"the output folder .* cannot be written: No space left on device"):
            verify(OURS, CAMPAIGN, tmp_path)
        monkeypatch.undo()
        assert resume(tmp_path).verdict == "agree"

    def test_a_half_written_file_is_none(self, tmp_path, monkeypatch):
        """What was there before stays whole."""
        path = folders.absolute(tmp_path / "report.json")
        path.write_bytes(b"before")

        def half(self, data):
            self.write_text("ha")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(type(path), "write_bytes", half)
        with pytest.raises(OSError, match="No space left"):
            folders.write_whole(path, b"after")
        assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("report.json", "before")]
