"""The marks of a class: read from its grades, with what an instructor decided, and written for people and platforms."""

from __future__ import annotations

import csv
import io
import shutil
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import msgspec

from backproof.grader.assignment import Assignment, CouldNotGradeError
from backproof.grader.course.roster import HandIn, Roster
from backproof.grader.course.similar import Alike
from backproof.grader.exports import as_xml, write_at_once
from backproof.grader.feedback import FILTERS
from backproof.grader.scoring import say_points
from backproof.mistakes.catalogue import MISTAKES, ON_INTEGERS
from backproof.mistakes.textbook import said
from backproof.reports.pages import template

GRADES, OVERRIDES, PAGE, JUNIT = "grades.csv", "overrides.csv", "class.html", "junit.xml"

# What a table opened in a spreadsheet would take for a formula begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# Tables that name students, each with the column that does.
NAMED_BY = {GRADES: "folder", "moodle.csv": "Identifier", "canvas.csv": "ID", OVERRIDES: "student"}

# Columns of grades.csv that say who it is, the one first that no two have in common.
WHO = ("folder", "id", "email", "student")

# A decision is for a student, and says why.
COLUMNS = ("student", "points", "reason")


class _Function(msgspec.Struct):
    """What is read of the grade of a function."""

    exact_points: str
    diagnosis: list[str]
    diagnosis_kind: str


class _Grade(msgspec.Struct):
    """What is read of a grade."""

    exact_score: str
    functions: dict[str, _Function]
    remarks: list[str]


@dataclass(frozen=True)
class Mark:
    """What one student has.

    score: the sum of the points; None where it was not graded, and then `problem` says why. final: what counts, and
    because of what, where that is something else. mistakes: those of the catalogue that were named, each once.
    """

    hand_in: HandIn
    score: Fraction | None
    functions: Mapping[str, Fraction] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    mistakes: Sequence[str] = ()
    problem: str = ""
    final: Fraction | None = None
    because: str = ""


@dataclass(frozen=True)
class Marks:
    """A class's marks. changed: in words, what is otherwise than it was before. similar: whose programs are."""

    assignment: Assignment
    roster: Roster
    marks: Sequence[Mark]
    changed: Sequence[str] = ()
    similar: Sequence[Alike] = ()

    @property
    def graded(self) -> list[Mark]:
        """Those that have a mark."""
        return [mark for mark in self.marks if mark.final is not None]

    @property
    def not_graded(self) -> list[Mark]:
        """Those that have none, for no fault of theirs."""
        return [mark for mark in self.marks if mark.final is None]

    def summary(self) -> str:
        """How many there are, and what they have, in a sentence or two."""
        most = say_points(self.assignment.max_score)
        finals = [float(mark.final) for mark in self.graded if mark.final is not None]
        if not finals:
            return f"None of {len(self.marks)} students could be graded."
        full = sum(mark.final == self.assignment.max_score for mark in self.graded)
        told = f"{len(finals)} students: {statistics.mean(finals):.4g} of {most} points on average, {full} with all."
        return f"{told} {len(self.not_graded)} could not be graded." if self.not_graded else told

    def bins(self) -> list[tuple[str, int]]:
        """How many students have how many tenths of the points."""
        most, counts = self.assignment.max_score, Counter[int]()
        for mark in self.graded:
            assert mark.final is not None
            counts[min(max(int(10 * mark.final / most), 0), 9)] += 1
        tenth = [say_points(most * i / 10) for i in range(11)]
        return [(f"{tenth[i]} to {tenth[i + 1]}", counts[i]) for i in range(10)]

    def lost(self) -> list[tuple[str, float, float, int]]:
        """Of each function: its points, what is lost of them on average, and by how many."""
        found = []
        for function in self.assignment.functions:
            most = self.assignment.points_of(function)
            losses = [most - mark.functions[function] for mark in self.graded if function in mark.functions]
            mean = float(sum(losses) / len(losses)) if losses else 0.0
            found.append((function, float(most), mean, sum(loss > 0 for loss in losses)))
        return found

    def mistakes(self) -> list[tuple[str, str, list[Mark]]]:
        """Each mistake that was named, the most frequent first: what it is, its name, and by whom it was made."""
        by = defaultdict(list)
        for mark in self.marks:
            for mistake in mark.mistakes:
                by[mistake].append(mark)
        known = MISTAKES | ON_INTEGERS
        told = [(said(known[name]) if name in known else name, name, marks) for name, marks in by.items()]
        return sorted(told, key=lambda item: (-len(item[2]), item[1]))


def read_overrides(out: Path) -> dict[str, tuple[Fraction, str]]:
    """A person's decisions, by the student: points in the place of the grader's, and why.

    Raises CouldNotGradeError that names the line where the file has something else.
    """
    path, found = out / OVERRIDES, dict[str, tuple[Fraction, str]]()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotGradeError(f"{path} cannot be read: {error}") from error
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames is None or not set(COLUMNS) <= set(rows.fieldnames):
        raise CouldNotGradeError(f"{path} needs a first line with the columns {','.join(COLUMNS)}")
    for row in rows:
        student, points, reason = (str(row[column] or "").strip() for column in COLUMNS)
        try:
            number = Fraction(Decimal(points))
        except (InvalidOperation, ValueError, OverflowError) as error:
            raise CouldNotGradeError(f"{path}, line {rows.line_num}: {points!r} is not a number of points") from error
        if not student or not reason or number < 0:
            raise CouldNotGradeError(
                f"{path}, line {rows.line_num}: a decision needs a student, points from 0 on, and a reason"
            )
        found[student] = number, reason
    return found


class Decisions(NamedTuple):
    """What a person decided: points and why, by the label of whom; and what is about nobody, in sentences."""

    of: dict[str, tuple[Fraction, str]]
    about_nobody: tuple[str, ...]


def read_decisions(out: Path, roster: Roster) -> Decisions:
    """A person's decisions about the students of a class.

    Raises CouldNotGradeError as `read_overrides` does, and where it is not clear whom one is about.
    """
    found, about_nobody = dict[str, tuple[Fraction, str]](), []
    for student, decision in read_overrides(out).items():
        meant = _meant(student, roster)
        if len(meant) > 1:
            raise CouldNotGradeError(
                f"{out / OVERRIDES} decides about {student}, and {len(meant)} are called so: name the folder, as in "
                f"{GRADES}, {meant[0].label} or {meant[1].label}"
            )
        if meant:
            found[meant[0].label] = decision
        else:
            about_nobody.append(f"{OVERRIDES} decides about {student}, who is not in this class")
    return Decisions(found, tuple(about_nobody))


def _meant(student: str, roster: Roster) -> list[HandIn]:
    """Who is called so: by the folder, else the number, else the address, else the name."""
    for what in ("label", "identifier", "email", "student"):
        if meant := [each for each in roster.hand_ins if getattr(each, what) == student]:
            return meant
    return []


def read_marks(
    out: Path, assignment: Assignment, roster: Roster, problems: Mapping[str, str], decisions: Decisions
) -> Marks:
    """The marks of a class whose grades are in a folder. problems: why somebody was not graded, by labels."""
    marks = []
    for hand_in in roster.hand_ins:
        mark = _read(out, hand_in, problems.get(hand_in.label, ""))
        if mark.score is not None and hand_in.late and assignment.late_factor != 1:
            late = f"late: times {assignment.late_factor}"
            mark = replace(mark, final=mark.score * Fraction(assignment.late_factor), because=late)
        if hand_in.label in decisions.of:
            final, because = decisions.of[hand_in.label]
            mark = replace(mark, final=final, because=because)
        marks.append(mark)
    told = roster._replace(left_out=(*roster.left_out, *decisions.about_nobody))
    return Marks(assignment, told, marks, list(_changes(_finals_before(out), marks)))


def _read(out: Path, hand_in: HandIn, problem: str) -> Mark:
    if problem:
        return Mark(hand_in, None, problem=problem)
    try:
        grade = msgspec.json.decode((out / hand_in.label / "grade.json").read_bytes(), type=_Grade)
    except (OSError, msgspec.MsgspecError):
        return Mark(hand_in, None, problem="it has not been graded yet")
    score = Fraction(grade.exact_score)
    named = [each.diagnosis for each in grade.functions.values() if each.diagnosis_kind in ("one", "together")]
    return Mark(
        hand_in,
        score,
        {name: Fraction(each.exact_points) for name, each in grade.functions.items()},
        grade.remarks,
        list(dict.fromkeys(name for names in named for name in names)),
        final=score,
    )


def _finals_before(out: Path) -> dict[str, str]:
    """What everybody had when the class was graded before, by labels."""
    try:
        return {row["folder"]: row["final"] for row in _rows(out / GRADES)}
    except KeyError:
        return {}


def _changes(before: Mapping[str, str], marks: Sequence[Mark]) -> Iterable[str]:
    if not before:
        return
    for mark in marks:
        label, now = mark.hand_in.label, _number(mark.final)
        if label not in before:
            yield f"{label} is new"
        elif before[label] != now:
            yield f"{label}: {before[label] or 'none'} before, {now or 'none'} now"
    for label in sorted(set(before) - {mark.hand_in.label for mark in marks}):
        yield f"{label} has handed in nothing any more"


def write_marks(marks: Marks, out: Path) -> None:
    """Write the table of marks, those for the platform that the submissions came from, JUnit's XML and the page.

    Raises CouldNotGradeError where they cannot be written.
    """
    written = {GRADES: _grades(marks), JUNIT: _junit(marks), PAGE: _page(marks)}
    if marks.roster.platform == "Moodle":
        written["moodle.csv"] = _moodle(marks)
    if marks.roster.platform == "Canvas":
        written["canvas.csv"] = _canvas(marks)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            write_at_once(out / name, content)
    except OSError as error:
        raise CouldNotGradeError(f"the output folder {out} cannot be written: {error.strerror}") from error


def _grades(marks: Marks) -> bytes:
    functions = marks.assignment.functions
    about = ["student", "id", "email", "late", "score", "final", "max_score"]
    header = [*about, *functions, "because", "remarks", "folder"]
    rows = []
    for mark in marks.marks:
        hand_in = mark.hand_in
        rows.append(
            [
                hand_in.student,
                hand_in.identifier,
                hand_in.email,
                "late" if hand_in.late else "",
                _number(mark.score),
                _number(mark.final),
                _number(marks.assignment.max_score),
                *(_number(mark.functions.get(function)) for function in functions),
                mark.because,
                " ".join([*mark.remarks, mark.problem]).strip(),
                hand_in.label,
            ]
        )
    return _table(header, rows)


def _moodle(marks: Marks) -> bytes:
    """As Moodle's grading worksheet, which it takes back: the participant's number, the name and the points."""
    rows = [
        (f"Participant {each.hand_in.identifier}", each.hand_in.student, _number(each.final)) for each in marks.graded
    ]
    return _table(["Identifier", "Full name", "Grade"], rows)


def _canvas(marks: Marks) -> bytes:
    """As Canvas's gradebook takes it: students by its numbers, and one assignment with its possible points."""
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", marks.assignment.title]
    possible = ["Points Possible", "", "", "", "", _number(marks.assignment.max_score)]
    rows = [[each.hand_in.student, each.hand_in.identifier, "", "", "", _number(each.final)] for each in marks.graded]
    return _table(header, [possible, *rows])


def _number(points: Fraction | None) -> str:
    """Points as a decimal number of at most four digits after the point, the same wherever it is made."""
    if points is None:
        return ""
    return f"{float(round(points, 4)):.4f}".rstrip("0").rstrip(".")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    for row in (header, *rows):
        table.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])
    return written.getvalue().encode("utf-8", "backslashreplace")


def _junit(marks: Marks) -> bytes:
    """A case for each student, which is passed with all points."""
    most = marks.assignment.max_score
    suites = ElementTree.Element("testsuites", name=marks.assignment.title)
    suite = ElementTree.SubElement(suites, "testsuite", name=marks.assignment.title, tests=str(len(marks.marks)))
    below = sum(mark.final < most for mark in marks.graded if mark.final is not None)
    suite.attrib |= {"failures": str(below), "errors": str(len(marks.not_graded)), "skipped": "0"}
    for mark in marks.marks:
        case = ElementTree.SubElement(suite, "testcase", classname="class", name=mark.hand_in.label)
        if mark.final is None:
            ElementTree.SubElement(case, "error", message=mark.problem)
        elif mark.final < most:
            ElementTree.SubElement(case, "failure", message=f"{_number(mark.final)} of {_number(most)} points")
    return as_xml(suites)


def _page(marks: Marks) -> bytes:
    page = template("backproof.grader", "class.html.j2", number=_number, **FILTERS)
    return page.render(found=marks).encode("utf-8", "backslashreplace")


def forget(student: str, out: Path) -> str:
    """Remove all that is kept of a student: folder, marks, decisions, and the pages that name everybody.

    student: a folder, number, address or name, as in grades.csv; the folder that was removed. Raises
    CouldNotGradeError where there is no such student, or several, and where files cannot be changed.
    """
    known = _rows(out / GRADES)
    gone = next((found for what in WHO if (found := [row for row in known if row.get(what) == student])), [])
    if len(gone) != 1:
        how_many = f"{len(gone)} students {student}: name the folder" if gone else f"no student {student}"
        raise CouldNotGradeError(f"{out / GRADES} has {how_many}")
    names = {gone[0][what] for what in WHO} | {f"Participant {gone[0]['id']}"}
    # What another is called too is no reason to remove that one's lines.
    names -= {row[what] for row in known for what in WHO if row is not gone[0]} | {""}
    folder = out / gone[0]["folder"]
    try:
        if folder.exists():
            shutil.rmtree(folder)
        for name, column in NAMED_BY.items():
            if rows := _rows(out / name):
                kept = [list(row.values()) for row in rows if row[column] not in names]
                (out / name).write_bytes(_table(list(rows[0]), kept))
        for name in (PAGE, JUNIT):
            (out / name).unlink(missing_ok=True)  # the next grading writes them anew
    except (OSError, KeyError) as error:
        raise CouldNotGradeError(f"{student} cannot be removed from {out}: {error}") from error
    return folder.name


def _rows(path: Path) -> list[dict[str, str]]:
    """The lines of a table; none where there is none."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, ValueError, csv.Error):
        return []
    return [{name: _unmarked(str(cell or "")) for name, cell in row.items()} for row in rows]


def _unmarked(cell: str) -> str:
    """A cell without the mark that keeps it from being a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
