"""Who handed in what: the students in a folder or an archive, as learning platforms name them, or one for each file.

What the platforms call things was seen in their exports:

- Moodle, "download all submissions": a folder (or file) "Full Name_123456_assignsubmission_file", with the number that
  its grading worksheet calls "Participant 123456";
- Canvas, "download submissions": files "familyname_LATE_12345_678910_name-2.py", where the first number is the user's
  and the second has many digits; LATE stands in late ones alone, and -2 is Canvas's own, for what was handed in again;
- Gradescope, "export submissions": folders "submission_123", and who these are in submission_metadata.yml.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import yaml

from backproof.grader.assignment import CouldNotGradeError
from backproof.grader.handed_in import archives
from backproof.grader.handed_in.programs import ENDINGS, is_no_part, whole_programs
from backproof.grader.handed_in.submission import label_of

Platform = Literal["Moodle", "Canvas", "Gradescope", "folder"]

MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<file>.*))?", re.DOTALL
)
CANVAS = re.compile(r"(?P<name>[^_/]+)_(?:(?P<late>LATE)_)?(?P<id>\d+)_\d{3,}_(?P<file>.+)", re.DOTALL)
AGAIN = re.compile(r"-\d{1,3}(?=\.[^.]+$)")
METADATA = "submission_metadata.yml"

# Files in a folder of submissions that nobody handed in.
_OF_THE_COURSE = re.compile(r"(?i)readme.*|.*\.(?:csv|xlsx?|toml|key)|backproof-grades")

# What is in a folder of grades besides the students' own.
RESERVED = ("grades.csv", "overrides.csv", "moodle.csv", "canvas.csv", "class.html", "junit.xml")

ONLY_TEXT = "there is text that was typed in online, and no file"

# A few of the functions may be in any file; who has defined so many of them has written a program.
ENOUGH = 2 / 3


@dataclass(frozen=True)
class HandIn:
    """What one student handed in.

    label: what its folder of feedback is called, which no other's is. identifier, email: empty where they are not
    known. files: each with the name that it has among the student's; a folder alone is the submission itself. problem:
    why it cannot be graded, where that is known already.
    """

    label: str
    student: str
    files: tuple[tuple[Path, str], ...]
    identifier: str = ""
    email: str = ""
    late: bool = False
    problem: str = ""


class Roster(NamedTuple):
    """A class. left_out: what belongs to no student, each in a sentence."""

    platform: Platform
    hand_ins: tuple[HandIn, ...]
    left_out: tuple[str, ...] = ()


def roster_of_files(paths: Sequence[Path]) -> Roster:
    """Each of some files and folders as a student's of that name."""
    for path in paths:
        if not path.exists():
            raise CouldNotGradeError(f"there is no file or folder {path}")
    return Roster("folder", _labelled(HandIn("", _called(path), ((path, path.name),)) for path in paths))


def roster_of_folder(
    folder: Path,
    functions: Sequence[str],
    refused: Mapping[str, str],
    *,
    certain: bool = False,
    besides: Path | None = None,
) -> Roster | None:
    """The class whose submissions are in a folder; None where that is one student's submission.

    functions: that are graded, by which programs are told from parts of one. refused: what was not unpacked into the
    folder, each with the reason. certain: it is a class, whatever it looks like. besides: the folder of the grades,
    which nobody has handed in.

    Raises CouldNotGradeError where it is certain, and nobody has handed in anything.
    """
    folder, prefix = _inner(folder, functions, certain=certain)
    own, others = dict[str, str](), []
    for name, why in refused.items():
        parts = PurePosixPath(name.removeprefix(prefix)).parts
        if name.startswith(prefix) and parts and not {"..", "/"} & set(parts):
            own[name.removeprefix(prefix)] = why
        else:
            others.append(why)
    found: Roster | None = None
    for read in (_gradescope, _moodle, _canvas):
        found = found or read(folder, own)
    if found is None and (certain or _is_class(folder, functions)):
        found = _folder(folder, own)
    if certain and (found is None or not found.hand_ins):
        raise CouldNotGradeError(f"nobody has handed in anything in {folder}")
    if found is None:
        return None
    there = [each for each in found.hand_ins if besides is None or not _is_within(each, besides)]
    return Roster(found.platform, _labelled(there), (*found.left_out, *others))


def _is_within(hand_in: HandIn, folder: Path) -> bool:
    return any(path.resolve() == folder.resolve() for path, _ in hand_in.files)


def named_by_a_platform(names: Iterable[str]) -> bool:
    """Whether names in an archive are such as a learning platform gives to what students hand in."""
    outer, inner = set[str](), set[str]()
    for name in names:
        parts = [part for part in PurePosixPath(name).parts if part != "/"]
        if not any(map(is_no_part, parts)):
            outer |= set(parts[:1])
            inner |= set(parts[1:2])
    return _are_a_platforms(outer) or (len(outer) == 1 and _are_a_platforms(inner))


def _are_a_platforms(names: set[str]) -> bool:
    named = [name for name in names if MOODLE.fullmatch(name) or CANVAS.fullmatch(name)]
    return METADATA in names or (bool(named) and 2 * len(named) >= len(names))


def _inner(folder: Path, functions: Sequence[str], *, certain: bool) -> tuple[Path, str]:
    """The folder in which there is more than one other, and what names of what is in it begin with.

    certain: the folder is a class's, and another in it is one student's unless it looks like a class.
    """
    prefix = ""
    for _ in range(2):
        inside = [path for path in folder.iterdir() if not is_no_part(path.name)]
        if len(inside) != 1 or not inside[0].is_dir() or inside[0].is_symlink() or MOODLE.fullmatch(inside[0].name):
            break
        named = named_by_a_platform(f"{path.name}/" for path in inside[0].iterdir())
        if certain and not named and not _is_class(inside[0], functions):
            break
        folder, prefix = inside[0], f"{prefix}{inside[0].name}/"
    return folder, prefix


def _entries(folder: Path, refused: Mapping[str, str]) -> dict[str, str]:
    """What is in a folder, or would be had it not been refused: the first part of each name, with the reason."""
    found = {path.name: "" for path in sorted(folder.iterdir()) if not is_no_part(path.name)}
    for name, why in refused.items():
        found[PurePosixPath(name).parts[0]] = why
    return found


def _gradescope(folder: Path, refused: Mapping[str, str]) -> Roster | None:
    metadata = folder / METADATA
    if not metadata.is_file():
        return None
    try:
        known: Any = yaml.safe_load(metadata.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise CouldNotGradeError(f"{metadata} cannot be read: {type(error).__name__}") from error
    hand_ins, known = [], known if isinstance(known, dict) else {}
    for name, why in _entries(folder, refused).items():
        if name == METADATA:
            continue
        submitters = known.get(name, {}).get(":submitters") if isinstance(known.get(name), dict) else None
        who = [each for each in submitters or [] if isinstance(each, dict)] or [{}]
        # Those of a group hand in together, and each has a grade.
        for each in who:
            told = {key: str(each.get(f":{key}") or "") for key in ("name", "sid", "email")}
            student = told["name"] or told["sid"] or name
            path = folder / name
            hand_ins.append(HandIn("", student, ((path, name),), told["sid"], told["email"], problem=why))
    return Roster("Gradescope", tuple(hand_ins))


def _moodle(folder: Path, refused: Mapping[str, str]) -> Roster | None:
    return _named(folder, refused, "Moodle", MOODLE, lambda name: name)


def _canvas(folder: Path, refused: Mapping[str, str]) -> Roster | None:
    return _named(folder, refused, "Canvas", CANVAS, lambda name: AGAIN.sub("", name))


def _named(
    folder: Path,
    refused: Mapping[str, str],
    platform: Platform,
    pattern: re.Pattern[str],
    file_name: Callable[[str], str],
) -> Roster | None:
    """The class of a platform that puts students into the names of files and folders."""
    found, left_out = dict[tuple[str, str], HandIn](), []
    for name, why in _entries(folder, refused).items():
        match = pattern.fullmatch(name)
        if match is None:
            left_out.append(f"{name} is not named as {platform} names what students hand in")
            continue
        known = match.groupdict()
        who = known["name"], known["id"]
        before = found.get(who, HandIn("", known["name"], (), known["id"]))
        has_file = not why and known.get("kind") != "onlinetext"
        files = ((folder / name, known["file"] or name),) if has_file else ()
        found[who] = replace(
            before,
            files=before.files + files,
            late=before.late or bool(known.get("late")),
            problem=before.problem or why,
        )
    hand_ins = []
    for each in found.values():
        problem = each.problem or ("" if each.files else ONLY_TEXT)
        hand_ins.append(replace(each, files=_own_names(each.files, file_name), problem=problem))
    return Roster(platform, tuple(hand_ins), tuple(left_out)) if len(found) > len(left_out) else None


def _own_names(files: tuple[tuple[Path, str], ...], own: Callable[[str], str]) -> tuple[tuple[Path, str], ...]:
    """Files under the names that a student gave them, unless two would then have the same."""
    renamed = {own(name): path for path, name in files}
    return tuple((path, name) for name, path in renamed.items()) if len(renamed) == len(files) else files


def _folder(folder: Path, refused: Mapping[str, str]) -> Roster:
    hand_ins = [
        HandIn("", _called(folder / name), ((folder / name, name),), problem=why)
        for name, why in _entries(folder, refused).items()
        if not _OF_THE_COURSE.fullmatch(name)
    ]
    return Roster("folder", tuple(hand_ins))


def _is_class(folder: Path, functions: Sequence[str]) -> bool:
    """Whether a folder has several submissions in it, and not one of several files."""
    inside = [path for path in sorted(folder.iterdir()) if not is_no_part(path.name) and not path.is_symlink()]
    files = [PurePosixPath(path.name) for path in inside if path.is_file() and path.name.lower().endswith(ENDINGS)]
    programs = whole_programs(folder, files, functions, ENOUGH)
    if files:  # beside which folders are parts of a program
        return sum(path.name in programs or bool(archives.ending_of(path)) for path in inside) > 1
    whole = sum(bool(archives.ending_of(path)) or (path.is_dir() and _has_program(path)) for path in inside)
    return whole > 1


def _has_program(folder: Path) -> bool:
    return any(path.name.lower().endswith((*ENDINGS, *archives.ENDINGS)) for path in folder.rglob("*"))


def _called(path: Path) -> str:
    ending = archives.ending_of(path)
    return path.name[: -len(ending)] if ending else path.stem if path.is_file() else path.name


def _labelled(hand_ins: Iterable[HandIn]) -> tuple[HandIn, ...]:
    """The same with labels by the students' names, and by more where several have one name, on any filesystem."""
    found, taken = [], {_same(f"{name}{ending}") for name in RESERVED for ending in ("", ".writing")}
    for hand_in in sorted(hand_ins, key=lambda each: (each.student, each.identifier, [str(f) for f, _ in each.files])):
        label = _label(hand_in.student)
        tried = [label, *[_label(f"{hand_in.student}-{hand_in.identifier}")] * bool(hand_in.identifier)]
        number = 1
        while _same(tried[0]) in taken:
            tried.pop(0)
            number += 1
            tried += [] if tried else [_label(f"{hand_in.student} ({number})")]
        taken.add(_same(tried[0]))
        found.append(replace(hand_in, label=tried[0]))
    return tuple(found)


def _label(name: str) -> str:
    """What a folder is called that is a student's: one folder, that is not hidden, whatever the name."""
    inside = name.replace("/", "_").replace("\0", "_")
    return label_of(f"_{inside}" if inside.startswith(".") or not inside.strip() else inside)


def _same(label: str) -> str:
    """What two names have in common that some filesystem takes for one."""
    return unicodedata.normalize("NFKC", label).casefold()
