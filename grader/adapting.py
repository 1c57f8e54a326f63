"""An instructor's adapter: what it may import in the sandbox, and whether it is for what the assignment asks."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import shutil
import sys
import types
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from backproof.grader.assignment import MAX_DEPTH, Assignment, CouldNotGradeError
from backproof.grader.trusted import ANYTHING
from backproof.reference_impl import contract
from backproof.verification import adapters, approximate, convention
from backproof.verification.convention import Convention

# All of Backproof that an adapter finds in the sandbox: its helpers, and what these are made of.
HELPERS = (contract, approximate, convention, adapters)
PACKAGES = {
    "": "from backproof.verification import adapters\nfrom backproof.verification.convention import Convention\n",
    "reference_impl": "",
    "verification": "",
}


# Of networks whose layers have to be named one by one, where nothing says how many.
LAYERS = 2


def copy_helpers(folder: Path) -> None:
    """Put what adapters may import of Backproof into a folder, for all to read."""
    for package, text in PACKAGES.items():
        place = folder / "backproof" / package
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        (place / "__init__.py").write_text(text, encoding="utf-8")
    for module in HELPERS:
        _, *parts = module.__name__.split(".")
        shutil.copyfile(str(module.__file__), Path(folder, "backproof", *parts).with_suffix(".py"))
    for file in (folder / "backproof").rglob("*.py"):
        file.chmod(0o444)


def with_adapter(assignment: Assignment, adapter: Path | None) -> Assignment:
    """The assignment, with what the adapter's CONVENTION says that programs do otherwise, if there is one.

    Raises CouldNotGradeError where the assignment asks for networks or losses that the adapter is not for: then
    students would lose points that they cannot earn; and where what it gives can only be as exact as it says itself.
    """
    if adapter is None or not adapter.exists():
        return assignment
    declared, inexact, _ = _declared(adapter, adapter.stat().st_mtime_ns)
    if inexact:
        raise CouldNotGradeError(
            f"the adapter {adapter}, {inexact}: gradients from steps of a fixed learning rate, or with a decay, are as "
            "exact as the submission's own process says, which is not believed; take a program with any learning rate"
        )
    if declared is None:
        return assignment
    if beyond := next(_asked_beyond(assignment, declared), ""):
        keys = "; ".join(f"{key} = {toml(value)}" for key, value in keys_for(declared).items())
        raise CouldNotGradeError(
            f"the adapter {adapter} is not for {beyond}, which the assignment asks for: write this into it, and "
            f"make its key anew: {keys}"
        )
    differences = tuple(dict.fromkeys((*assignment.differences, *declared.differences)))
    try:
        return msgspec.structs.replace(assignment, differences=differences)
    except ValueError as error:
        raise CouldNotGradeError(f"the adapter {adapter}, CONVENTION, {error}") from error


def toml(value: object) -> str:
    """A value of an assignment's, as it is written there."""
    return msgspec.json.encode(value).decode().replace(",", ", ")


def keys_for(declared: Convention) -> dict[str, object]:
    """The keys of an assignment that asks for no more than a convention is for."""
    losses = [*declared.losses]
    among = [g for g in contract.ACTIVATIONS if g in (*declared.hidden, *declared.last)]
    depth = len(declared.widths) - 1 if declared.widths else declared.layers
    free = Assignment(activations=tuple(among), losses=declared.losses)
    keys: dict[str, object] = {"activations": among, "layers": []}
    if depth is not None or any(_asked_beyond(free, replace(declared, biases=True))):
        count = min(depth or LAYERS, MAX_DEPTH)
        (last, _), *_ = Counter(g for _, g in declared.pairs()).most_common()
        losses = [loss for loss, g in declared.pairs() if g == last]
        keys = {"layers": [*declared.hidden[:1] * (count - 1), last]}
    keys |= {"widths": declared.widths} if declared.widths else {}
    keys |= {} if declared.biases else {"biases": False}
    return keys if losses == [*contract.LOSSES] else {"losses": losses} | keys


def _asked_beyond(assignment: Assignment, declared: Convention) -> Iterator[str]:
    """What is asked that a convention is not for."""
    asked, several = assignment.convention, len(set(assignment.convention.hidden)) > 1
    if declared.widths not in (None, asked.widths):
        yield f"widths other than {toml(declared.widths)}"
    if asked.biases and not declared.biases:
        yield "biases"
    if declared.layers is not None and not 0 < assignment.depth <= declared.layers:
        yield f"more than {declared.layers} layers"
    yield from (loss for loss in asked.losses if loss not in declared.losses)
    hidden = asked.hidden if assignment.depth != 1 else ()
    yield from (f"{g} in hidden layers" for g in hidden if g not in declared.hidden)
    yield from (f"{g} in the last layer" for g in asked.last if g not in declared.last)
    if declared.one_hidden and several and assignment.depth not in (1, 2):
        yield "several activations in one network"


class _Declared(NamedTuple):
    """What is known of an adapter. inexact: the function that is as exact as it says itself, if one is.

    looked_for: modules that it imports, and that are none of Python's, NumPy's or Backproof's.
    """

    convention: Convention | None
    inexact: str
    looked_for: tuple[str, ...]


@functools.lru_cache(maxsize=1)
def _declared(adapter: Path, _modified: int) -> _Declared:
    """What an adapter declares, run as far as it goes with anything in the place of a submission.

    No submission is imported for that, whatever lies where Python looks for modules.
    """
    found: dict[str, Any] = {"__name__": "adapter", "__file__": str(adapter)}
    finder = _Anything()
    already = sys.modules.pop("submission", None)
    sys.meta_path.insert(0, finder)
    try:
        with suppress(Exception, SystemExit):  # which is found out in the sandbox
            exec(compile(adapter.read_bytes(), adapter, "exec", dont_inherit=True), found)  # noqa: S102 (instructor's)
    finally:
        sys.meta_path.remove(finder)
        for name in finder.made:
            sys.modules.pop(name, None)
        if already is not None:
            sys.modules["submission"] = already
    declared = found.get("CONVENTION")
    inexact = (name for name in contract.FUNCTIONS if getattr(found.get(name), "is_approximate", None) is True)
    return _Declared(declared if isinstance(declared, Convention) else None, next(inexact, ""), tuple(finder.made))


def _is_ours(name: str) -> bool:
    """Whether a module is Python's own, NumPy's or Backproof's."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in ("backproof", "numpy")


class _Anything(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds all modules that are none of ours; whatever is looked for in one is there."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        return None if _is_ours(fullname) else importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: types.ModuleType) -> None:
        self.made.append(module.__name__)
        exec(ANYTHING, module.__dict__)  # noqa: S102 (a text of our own)


def write_stand_ins(folder: Path, adapter: Path, submission: Path) -> None:
    """Write modules into a folder, in which everything is there, for those of a submission that an adapter imports."""
    for name in _declared(adapter, adapter.stat().st_mtime_ns).looked_for:
        place = Path(*name.split("."))
        if (submission / place).is_dir() or (submission / place).with_suffix(".py").is_file():
            (folder / place).mkdir(parents=True, exist_ok=True)
            (folder / place / "__init__.py").write_text(ANYTHING, encoding="utf-8")
