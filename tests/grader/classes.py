"""Classes to be graded, as platforms export them: the same students in each, for `test_roster` and `test_class`."""

import csv
import io
from pathlib import Path

from tests.grader.students import RIGHT
from tests.grader.test_handed_in import notebook, zipped

CLASS = Path(__file__).parents[1] / "outside" / "class"
WRONG = RIGHT.replace("np.maximum(z, 0)", "np.maximum(z, 1)")

# Students by what they hand in; the last has nothing that could be run.
STUDENTS = {"Ada Lovelace": RIGHT, "Günter Ä": WRONG, "学生 二": RIGHT, "empty": None}


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def moodle(path, students=STUDENTS):
    files = {}
    for i, (name, source) in enumerate(students.items()):
        files[f"{name}_{100 + i}_assignsubmission_file/{'mine.py' if source else 'essay.txt'}"] = source or "Hello"
    return zipped(path, files)


def canvas(path, students=STUDENTS):
    files = {}
    for i, (name, source) in enumerate(students.items()):
        slug = name.lower().replace(" ", "")
        name = f"{slug}_{'LATE_' * (i == 1)}{100 + i}_90{i}_{'mine-2.py' if source else 'essay.pdf'}"
        files[name] = source or "Hello"
    return zipped(path, files)


def gradescope(path, students=STUDENTS):
    files, metadata = {}, "---\n"
    for i, (name, source) in enumerate(students.items()):
        files[f"assignment_7_export/submission_{100 + i}/{'mine.py' if source else 'essay.txt'}"] = source or "Hello"
        metadata += f'submission_{100 + i}:\n  :submitters:\n  - :name: "{name}"\n    :sid: "{100 + i}"\n'
        metadata += f"    :email: {i}@x.edu\n"
    return zipped(path, files | {"assignment_7_export/submission_metadata.yml": metadata})


def folder(path, students=STUDENTS):
    path.mkdir()
    for name, source in students.items():
        (path / f"{name}.{'ipynb' if source else 'pdf'}").write_text(notebook(source) if source else "Hello")
    return path


def archives(path, students=STUDENTS):
    """A folder with an archive for each."""
    path.mkdir()
    for name, source in students.items():
        zipped(path / f"{name}.zip", {"hw/mine.py": source} if source else {"readme.txt": ""})
    return path


MADE = {
    "moodle.zip": moodle,
    "canvas.zip": canvas,
    "gradescope.zip": gradescope,
    "folder": folder,
    "archives": archives,
}
