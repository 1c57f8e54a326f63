"""An autograder for Gradescope: the archive that the platform builds an image of, and runs for each hand-in.

Its layout and scripts: docs/specs.md in gradescope/autograder_samples. The platform unpacks it into `source`, runs
`setup.sh` once, and then `run_autograder` beside `submission` and `results`.
"""

from __future__ import annotations

import importlib.metadata
import shlex
import zipfile
from pathlib import Path

from backproof.grader.assignment import CouldNotGradeError, read_assignment
from backproof.grader.key import find_key, read_key
from backproof.reports.pages import template

# Programs may be run, and the dates of files are always the same, so that the archive is.
_EXECUTABLE, _DATE = 0o755 << 16, (2020, 1, 1, 0, 0, 0)


def write_autograder(
    assignment: Path, out: Path, *, key: Path | None = None, adapter: Path | None = None, wheel: Path | None = None
) -> None:
    """Write the archive for an assignment and its key.

    adapter: a file whose functions call the submission's own. wheel: Backproof itself, as `make dist` builds it; it is
    installed from the package index otherwise.

    Raises CouldNotGradeError where any of these cannot be read, the key is not one to grade with, or the archive cannot
    be written.
    """
    chosen = read_assignment(assignment)
    place = find_key(key, assignment, "")
    if read_key(place, chosen).header.purpose != "grading":
        raise CouldNotGradeError(
            f"the key {place} is one to practise with: the networks of that are known to everybody"
        )
    files = {"assignment.toml": assignment, "assignment.key": place}
    files |= {"adapter.py": adapter} if adapter else {}
    files |= {wheel.name: wheel} if wheel else {}
    named = {
        "requirement": shlex.quote(wheel.name if wheel else f"backproof=={importlib.metadata.version('backproof')}"),
        "adapter": adapter is not None,
        "packages": [*map(shlex.quote, chosen.packages)],
    }
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("setup.sh", "run_autograder"):
                _add(archive, name, template("backproof.grader", f"{name}.j2").render(named).encode())
            for name, path in files.items():
                _add(archive, name, path.read_bytes())
    except OSError as error:
        raise CouldNotGradeError(f"{error.filename or out}: {error.strerror or error}") from error


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr, entry.compress_type = _EXECUTABLE, zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
