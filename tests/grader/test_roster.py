"""Who handed in what: students by the names that platforms give, and by files and folders."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.grader.assignment import Assignment, CouldNotGradeError
from backproof.grader.course.batch import opened
from backproof.grader.course.roster import ONLY_TEXT, RESERVED, HandIn, _labelled
from tests.grader.classes import CLASS, MADE, STUDENTS
from tests.grader.students import RIGHT
from tests.grader.test_handed_in import zipped

NAMES = [
    "a", "A", "ａ", "a-1", "a (2)", "é", "e\u0301", "", ".", "..", "../x", "/x", "a/b", "\0", " ", ".hidden",
    "Grades.csv", "overrides.csv", "class.html", "junit.xml.writing", "_", "_..",
]  # fmt: skip


def roster_of(path, out, **settings):
    with opened([path], Assignment(), out, **settings) as roster:
        return roster and {
            (each.student, each.identifier, each.late, bool(each.problem), tuple(name for _, name in each.files))
            for each in roster.hand_ins
        }


class TestRoster:
    @pytest.mark.parametrize("name", ["moodle.zip", "canvas.zip", "gradescope.zip"])
    def test_of_platforms(self, name, tmp_path):
        found = roster_of(MADE[name](tmp_path / name), tmp_path / "out")
        assert {identifier for _, identifier, *_ in found} == {"100", "101", "102", "103"}
        names = {student for student, *_ in found}
        assert names == (set(STUDENTS) if name != "canvas.zip" else {"adalovelace", "günterä", "学生二", "empty"})
        assert [identifier for _, identifier, late, *_ in found if late] == ["101"] * (name == "canvas.zip")
        assert list((tmp_path / "out").iterdir()) == []  # what was unpacked is gone

    @pytest.mark.parametrize("path", ["two_modules", "nested", "relative_imports", "macos.zip", "endless_loop.py"])
    def test_one_submission_is_no_class(self, path, tmp_path):
        assert roster_of(CLASS / path, tmp_path / "out") is None

    def test_a_folder_of_programs(self, tmp_path):
        """Each a whole one; with a helper that others import it is one submission."""
        for name in ("a.py", "b.py"):
            (tmp_path / name).write_text(RIGHT)
        assert len(roster_of(tmp_path, tmp_path / "out")) == 2
        assert roster_of(tmp_path, tmp_path / "out", is_class=False) is None
        (tmp_path / "b.py").write_text("from a import *")
        assert roster_of(tmp_path, tmp_path / "out") is None
        (tmp_path / "b.py").write_text(f"import a\n{RIGHT}")  # which takes nobody else out of the class
        assert len(roster_of(tmp_path, tmp_path / "out")) == 2
        assert len(roster_of(tmp_path, tmp_path / "out", is_class=True)) == 2

    def test_several_files_of_one(self, tmp_path):
        """On Canvas; Canvas's own numbers are taken off."""
        zipped(tmp_path / "c.zip", {"ada_1_902_main-3.py": "", "ada_1_903_helper.py": "", "bob_2_904_main.py": ""})
        found = roster_of(tmp_path / "c.zip", tmp_path / "out")
        assert ("ada", "1", False, False, ("helper.py", "main.py")) in {
            (*one[:4], tuple(sorted(one[4]))) for one in found
        }

    def test_what_is_refused(self, tmp_path):
        """Is told of whoever handed it in; what leads out of the archive is nobody's."""
        entry = "_1_assignsubmission_file/a.py"
        zipped(
            tmp_path / "m.zip",
            {f"Ada{entry}": RIGHT, f"Bob{entry}": ("/etc/passwd",), f"Cyd{entry}": "0" * (65 * 2**20), "../Eve.py": ""},
        )
        with opened([tmp_path / "m.zip"], Assignment(), tmp_path / "out") as roster:
            assert {each.student: each.problem.partition(",")[2] for each in roster.hand_ins} == {
                "Ada": "",
                "Bob": " which is a link: put the file itself into it",
                "Cyd": " which is more than a submission: over 64 MiB",
            }
            assert roster.left_out == ("m.zip has ../Eve.py, which leads out of its folder",)

    def test_what_no_platform_does(self, tmp_path):
        """Text that was typed in; names of a student's own with numbers; an entry from the root of the disk."""
        zipped(tmp_path / "m.zip", {"Ada_1_assignsubmission_onlinetext/text.html": "", "/x.py": ""})
        with opened([tmp_path / "m.zip"], Assignment(), tmp_path / "out") as roster:
            assert [(each.student, each.problem) for each in roster.hand_ins] == [("Ada", ONLY_TEXT)]
            assert roster.left_out == ("m.zip has /x.py, which leads out of its folder",)
        zipped(tmp_path / "c.zip", {"ada_1_902_part-1.py": "", "ada_1_903_part-2.py": "", "bob_2_904_part-2.py": ""})
        found = roster_of(tmp_path / "c.zip", tmp_path / "out")
        assert {tuple(sorted(names)) for *_, names in found} == {("part-1.py", "part-2.py"), ("part.py",)}

    def test_one_students_archive_is_no_class(self, tmp_path):
        """Whatever is in it, unless that is said or it is named as a platform does."""
        zipped(tmp_path / "a.zip", {"ann/a.py": RIGHT, "bob/b.py": RIGHT})
        assert roster_of(tmp_path / "a.zip", tmp_path / "out") is None
        assert len(roster_of(tmp_path / "a.zip", tmp_path / "out", is_class=True)) == 2

    def test_a_program_with_folders(self, tmp_path):
        """Is one submission; and so is a folder with the file that the assignment asks for."""
        (tmp_path / "main.py").write_text(RIGHT)
        for name in ("layers", "old"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a.py").write_text(RIGHT)
        assert roster_of(tmp_path, tmp_path / "out") is None
        (tmp_path / "other.py").write_text(RIGHT)
        assert len(roster_of(tmp_path, tmp_path / "out")) == 4
        with opened([tmp_path], Assignment(file="other.py"), tmp_path / "out") as roster:
            assert roster is None

    def test_numbers_in_names(self, tmp_path):
        """Are not Canvas's, which has more of them."""
        for name in ("hw_3_1_final.py", "hw_3_2_old.py"):
            (tmp_path / name).write_text("def relu(z): ...")
        assert roster_of(tmp_path, tmp_path / "out") is None

    def test_a_class_of_one(self, tmp_path):
        (tmp_path / "ann").mkdir()
        for name in ("main.py", "helper.py"):
            (tmp_path / "ann" / name).write_text("")
        assert {student for student, *_ in roster_of(tmp_path, tmp_path / "out", is_class=True)} == {"ann"}

    def test_the_grades_are_no_submission(self, tmp_path):
        for name in ("ann.py", "bob.py"):
            (tmp_path / name).write_text(RIGHT)
        for name in ("out", "backproof-grades"):
            (tmp_path / name / "ann").mkdir(parents=True)
            (tmp_path / name / "ann" / "x.py").write_text(RIGHT)
        assert {student for student, *_ in roster_of(tmp_path, tmp_path / "out")} == {"ann", "bob"}

    def test_nobody(self, tmp_path):
        (tmp_path / "class").mkdir()
        with pytest.raises(CouldNotGradeError, match="nobody has handed in anything"):
            roster_of(tmp_path / "class", tmp_path / "out", is_class=True)

    @given(st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=5), st.sampled_from(["", "1"]))))
    def test_labels(self, who):
        """Each student has a folder of their own, on any filesystem, in that of grades, and no file of the class."""
        labels = [each.label for each in _labelled(HandIn("", name, (), number) for name, number in who)]
        assert len(labels) == len(who) == len({unicodedata.normalize("NFKC", label).casefold() for label in labels})
        for label in labels:
            assert Path("out", label).parent == Path("out")
            assert label.strip()
            assert not label.startswith(".")
            assert label.casefold() not in RESERVED
