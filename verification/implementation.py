"""The implementation under test: found, loaded, called on a case, and its answer collected whatever it does."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from backproof.oracles.case import FUNCTION_OF_KIND, KINDS, OF_INPUT, Answer, Case, Quantity
from backproof.oracles.comparison import Problem
from backproof.reference_impl import contract
from backproof.reference_impl.contract import FUNCTIONS, Array
from backproof.verification.approximate import Approximate
from backproof.verification.architecture import with_architecture
from backproof.verification.campaign import CouldNotRunError
from backproof.verification.convention import Convention
from backproof.verification.given import BEGINS, in_hand, is_given, members
from backproof.verification.global_state import Separate
from backproof.verification.neighbours import FROM_FILE, Neighbours
from backproof.verification.place import Place
from backproof.verification.raised import because, describe, line_of
from backproof.verification.suiting import suited
from backproof.verification.wording import DECLINES, conjoin

# What the full names of Backproof's own modules begin with, and its own implementation.
OURS, OWN = "backproof.", "reference_impl"


class CouldNotLoadError(CouldNotRunError):
    """An implementation could not be loaded; the message says in a sentence what was wrong and what to do."""


@dataclass(frozen=True)
class Implementation:
    """Functions of the contract under a name; `missing` are those that it does not have.

    convention: which networks it is made for; the others are made to suit it. source: what it was loaded from.
    neighbours: what it imports, where it was loaded. state: what it has made of the state that all code in a process
    shares. place: where it is told which function is called about what.
    """

    name: str
    functions: dict[str, Callable[..., Any]]
    convention: Convention | None = None
    source: str = ""
    neighbours: Neighbours | None = None
    state: Separate | None = None
    place: Place = field(default_factory=Place)

    @property
    def missing(self) -> tuple[str, ...]:
        """The contract's functions that are not there, in the contract's order."""
        return tuple(function for function in FUNCTIONS if function not in self.functions)

    def files(self) -> dict[str, str]:
        """The local files that it consists of, with their digests, as far as they have been imported by now."""
        return {} if self.neighbours is None else self.neighbours.files()

    def suited(self, case: Case) -> Case:
        """The network, or one like it that the implementation is made for."""
        return case if self.convention is None else suited(case, self.convention)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The functions are called inside: under the state that they left, and told of by the place."""
        with self.state.entered() if self.state else np.errstate(all="ignore"):
            yield
            self.place.nowhere()  # and where it was interrupted, that can be seen

    def answer(self, case: Case, prediction: Array) -> dict[Quantity, Any]:
        """What the functions give for a case: an array, or whatever it is, or a `Problem`, for every quantity.

        prediction: what the loss is asked about, so that a wrong forward pass is not blamed on it. Each function gets
        arrays of its own, and has to leave them as they are.
        """
        with self.at_work():
            results = {
                function: self.call(function, arguments_of(function, case, prediction)) for function in self.functions
            }
        return self.distributed(case, results)

    def distributed(self, case: Case, results: Mapping[str, Any]) -> dict[Quantity, Any]:
        """What the functions gave for a case, each result under its quantities."""
        found: dict[Quantity, Any] = {}
        for function in FUNCTIONS:
            wanted = [quantity for quantity in case.quantities if quantity.kind in KINDS[function]]
            found |= distribute(function, results.get(function, _missing(function)), wanted)
        return {quantity: found[quantity] for quantity in case.quantities}

    def completed(self, case: Case, sound: Answer) -> dict[Quantity, Any]:
        """A sound answer as `answer` gives it, from its numbers in float64; the loss, which may be one, as a float."""
        found: dict[Quantity, Any] = {}
        for quantity in case.quantities:
            if quantity not in sound:
                found[quantity] = _missing(FUNCTION_OF_KIND[quantity.kind])
            elif quantity.kind == "loss":
                found[quantity] = float(sound[quantity])
            else:
                found[quantity] = sound[quantity].astype(case.dtype)
        return found

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        """The result of a call with copies of the arguments, or a `Problem` where there is none to judge.

        It is called as things are: whoever calls several functions does so inside of `at_work`.
        """
        given = copied(arguments)
        result = outcome(self.functions[function], function, given, self.place)
        if isinstance(result, Problem):
            return result
        changed = changed_arguments(arguments, given)
        return Problem(say_changed(function, changed)) if changed else result


def outcome(called: Callable[..., Any], function: str, given: Sequence[Any], place: Place) -> Any:
    """The result of a call with just these arguments, or a `Problem` where it raises. function: by the contract."""
    place.call(FUNCTIONS.index(function))
    try:
        return called(*given)
    except NotImplementedError as error:
        return Problem(f"{function} {DECLINES}{because(error)}", fails=False)
    except (Exception, SystemExit) as error:
        return Problem(f"{function} raised {type(error).__name__}{because(error)}{line_of(error, called)}")


def changed_arguments(before: Sequence[Any], after: Sequence[Any]) -> list[int]:
    """The numbers of the arguments that are no longer what they were."""
    return [i for i, (was, now) in enumerate(zip(before, after, strict=True)) if not same(was, now)]


def as_implementation(instance: object, name: str | None = None) -> Implementation:
    """The contract's functions of any object, under its class's name unless another is given."""
    functions = {function: getattr(instance, function) for function in FUNCTIONS if hasattr(instance, function)}
    return Implementation(name or type(instance).__name__, functions)


def _missing(function: str) -> Problem:
    return Problem(no_function(function), fails=False)


def no_function(function: str) -> str:
    """Why what a missing function would give is unchecked."""
    return f"there is no function {function}"


def load_implementation(source: str, place: Place | None = None) -> Implementation:
    """The implementation in a module or in a .py file, or what a caller has in hand (`given`).

    place: where it is told what is called. Raises CouldNotLoadError where there is none.
    """
    place = place or Place()
    place.loading()
    if is_given(source):
        return _of_what_is_given(source, place)
    is_file = source.endswith(".py")
    neighbours, state = Neighbours(_folder_of(source)), Separate()
    with state.entered(), neighbours:
        # What it says about warnings itself comes before this.
        warnings.simplefilter("ignore", RuntimeWarning)
        module = _import_file(Path(source)) if is_file else _import_module(source)
    neighbours.note(_own_files(module))
    neighbours.note_imported()
    functions = {function: getattr(module, function) for function in _offered(module)}
    convention = getattr(module, "CONVENTION", None)
    _check(source, functions, convention)
    if not source.startswith(OURS):
        functions = {function: neighbours.around(called) for function, called in functions.items()}
    place.nowhere()
    return _fitted(Implementation(name_of(source), functions, convention, source, neighbours, state, place))


def _of_what_is_given(source: str, place: Place) -> Implementation:
    name = name_of(source)
    try:
        found = members(in_hand(source))
    except LookupError:
        raise CouldNotLoadError(f"{name} was at hand, and is not any more: give it again") from None
    except (Exception, SystemExit) as error:
        raise CouldNotLoadError(f"{name} cannot be used as it is: {describe(error)}; give an object") from error
    convention = found.pop("CONVENTION", None)
    _check(name, found, convention)
    state = Separate()
    with state.entered():
        warnings.simplefilter("ignore", RuntimeWarning)
    place.nowhere()
    return _fitted(Implementation(name, found, convention, source, state=state, place=place))


def _check(name: str, functions: Mapping[str, Any], convention: object) -> None:
    """Raise CouldNotLoadError where an implementation has nothing to call, or something else under these names."""
    if not functions:
        raise CouldNotLoadError(
            f"{name} has none of the contract's functions; it needs at least one of {', '.join(FUNCTIONS)}"
        )
    for function, value in functions.items():
        if not callable(value):
            raise CouldNotLoadError(f"{name} has {function}, but not as a function: as {_say(value)}")
    if not isinstance(convention, Convention | None):
        raise CouldNotLoadError(f"{name} has a CONVENTION, but not as a Convention: as {_say(convention)}")


def _fitted(made: Implementation) -> Implementation:
    """The same, with the architecture that its program takes, where it has a convention."""
    whole = made.convention is None or "backward" not in made.functions
    return made if whole else replace(made, convention=_fitting(made))


def _fitting(made: Implementation) -> Convention:
    """The convention of an adapter, with the architecture that its program takes, where that is one alone."""

    def declines(case: Case) -> bool:
        result = made.call("backward", arguments_of("backward", case, case.y))
        return isinstance(result, Problem) and not result.fails

    with made.at_work():
        return with_architecture(made.convention or Convention(), declines)


def _offered(module: ModuleType) -> list[str]:
    """The contract's functions that a module has for others.

    Those are the ones in its `__all__`; without it, all of those names. But a sigmoid in an adapter, which has a
    CONVENTION, is more often a helper for single numbers or samples than the contract's.
    """
    there = [function for function in FUNCTIONS if hasattr(module, function)]
    named = [function for function in there if function in getattr(module, "__all__", ())]
    if named:
        return named
    return [f for f in there if f not in OF_INPUT] or there if hasattr(module, "CONVENTION") else there


def name_of(source: str) -> str:
    """What an implementation is called in reports: as it was given, and Backproof's own by its room."""
    return source.removeprefix(OURS).removeprefix(BEGINS)


class Examined(NamedTuple):
    """What is known of an implementation once it has been loaded, before it is called.

    missing: the contract's functions that it does not have. files: the local files that it consists of, with their
    digests. declared: the differences from the contract that it declares.
    """

    missing: tuple[str, ...]
    files: dict[str, str]
    declared: tuple[str, ...] = ()


def examined(source: str, place: Place | None = None) -> Examined:
    """Load an implementation to see what it consists of. Raises CouldNotLoadError as `load_implementation` does."""
    implementation = load_implementation(source, place)
    convention = implementation.convention or Convention()
    return Examined(implementation.missing, implementation.files(), convention.declared)


def changed_files(source: str, files: Mapping[str, str]) -> list[str]:
    """Those of an implementation's files, given with their digests, that are no longer what they were."""
    return Neighbours(_folder_of(source)).changed(files)


def _folder_of(source: str) -> Path:
    """Where what lies beside an implementation lies."""
    return Path(source).resolve().parent if source.endswith(".py") else Path.cwd()


def _own_files(module: ModuleType) -> set[Path]:
    """The file of a module and, if it is one, all of its package's."""
    folders = map(Path, getattr(module, "__path__", []))
    files = {file for folder in folders for file in folder.rglob("*.py")}
    own = getattr(module, "__file__", None)  # a module that was made and not read has none
    return files | ({Path(own)} if own else set())


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise CouldNotLoadError(f"there is no file {path}")
    name = f"{FROM_FILE}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise CouldNotLoadError(f"{path} cannot be imported: {describe(error)}") from error
    return module


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            ours = name.partition(".")[0] == OWN
            hint = f"Backproof's own is {OURS}{name}" if ours else "the name of a file ends in .py"
            message = f"there is no module {name}, here or installed ({hint})"
        else:
            message = f"{name} cannot be imported: {describe(error)}"
        raise CouldNotLoadError(message) from error


def say_changed(function: str, changed: Sequence[int]) -> str:
    """That a function changed some of its arguments, which are given by their numbers."""
    names = names_of_arguments(function)
    return f"{function} changed its argument {conjoin([names[i] for i in changed])}"


def names_of_arguments(function: str) -> list[str]:
    """What the contract calls a function's arguments."""
    return list(inspect.signature(getattr(contract.Implementation, function)).parameters)[1:]


def arguments_of(
    function: str,
    case: Case,
    prediction: Array,
    step_gradients: tuple[list[Array], list[Array]] | None = None,
) -> list[Any]:
    """What the contract gives to a function, for a case; prediction: what the loss is asked about.

    step_gradients: the case's, where they are known already.
    """
    if function in OF_INPUT:
        return [case.x]
    if function == "loss":
        return [prediction, case.y, case.loss]
    parameters = [list(case.weights), list(case.biases)]
    if function == "forward":
        return [*parameters, case.x, list(case.activations)]
    if function == "backward":
        return [*parameters, case.x, case.y, list(case.activations), case.loss]
    return [*parameters, *map(list, step_gradients or case.step_gradients()), case.learning_rate]


def copied(value: Any) -> Any:
    """Lists, tuples, dicts and arrays as copies that nobody else has; anything else as it is."""
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(copied, value))
    if isinstance(value, Approximate):
        return Approximate.of(np.array(value), np.asarray(value.error))
    return value.copy() if isinstance(value, np.ndarray) else value


def same(before: Any, after: Any) -> bool:
    """Whether lists, arrays and other values are the same, to the bit but for the signs of zeros."""
    if isinstance(before, list | tuple):
        return (
            isinstance(after, list | tuple)
            and len(before) == len(after)
            and all(same(a, b) for a, b in zip(before, after, strict=True))
        )
    if not isinstance(before, np.ndarray | float):
        return type(before) is type(after) and before == after
    if type(before) is not type(after):
        return False
    was, now = np.asarray(before), np.asarray(after)
    if was.dtype != now.dtype or was.shape != now.shape:
        return False
    if was.dtype != object and was.tobytes() == now.tobytes():  # mostly so, and a fifth of the time
        return True
    return np.array_equal(was, now, equal_nan=was.dtype.kind == "f")


def distribute(function: str, result: Any, wanted: list[Quantity]) -> dict[Quantity, Any]:
    """The parts of a function's result, each under its quantity; or the one problem under all of them."""
    if isinstance(result, Problem) or wanted[0].layer is None:
        return dict.fromkeys(wanted, result)
    kinds = KINDS[function]
    parts = [result] if len(kinds) == 1 else result
    if len(kinds) > 1 and not (isinstance(parts, tuple | list) and len(parts) == len(kinds)):
        return dict.fromkeys(wanted, Problem(f"{function} gave {_say(parts)}, should be a pair of lists"))
    found: dict[Quantity, Any] = {}
    for kind, part in zip(kinds, parts, strict=True):
        quantities = [quantity for quantity in wanted if quantity.kind == kind]
        if isinstance(part, tuple | list) and len(part) == len(quantities):
            found |= dict(zip(quantities, part, strict=True))
        else:
            problem = Problem(f"{function} gave {_say(part)}, should be a list of {len(quantities)} arrays")
            found |= dict.fromkeys(quantities, problem)
    return found


def _say(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a value of type {type(value).__name__}"
