"""An assignment: which functions are graded, on what, for how many points, and what a submission may use.

It is read from TOML. Every key has a default; `grader/default/assignment.toml` has them all, each with its description.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from backproof.mistakes.differences import by_declaration
from backproof.oracles.case import DTYPES, KINDS
from backproof.reference_impl.contract import (
    ACTIVATIONS,
    FUNCTIONS,
    HIDDEN_ACTIVATIONS,
    LOSSES,
    OUTPUT_ACTIVATIONS,
    find_loss,
)
from backproof.verification.convention import Convention
from backproof.verification.wording import escaped

DEFAULT_ASSIGNMENT = Path(__file__).with_name("default") / "assignment.toml"

Edge = Literal["one sample", "one feature", "width 1", "one output", "integers", "zeros", "large values", "soft labels"]
EDGES: tuple[Edge, ...] = (
    "one sample", "one feature", "width 1", "one output", "integers", "zeros", "large values", "soft labels",
)  # fmt: skip

# What each function can be asked about on its own.
_OF_ARRAYS: tuple[Edge, ...] = ("one sample", "one feature", "integers", "zeros", "large values")
_OF_NETWORKS: tuple[Edge, ...] = EDGES[:-1]
EDGES_OF: dict[str, tuple[Edge, ...]] = {
    **dict.fromkeys(("sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime", "softmax"), _OF_ARRAYS),
    "loss": ("one sample", "one output", "integers", "large values", "soft labels"),
    "forward": _OF_NETWORKS,
    "backward": EDGES,
    "gradient_descent_step": ("one feature", "width 1", "one output"),
}

# What a function may be built from: where these are wrong, it is judged again with right ones.
USES: dict[str, tuple[str, ...]] = {
    "sigmoid_prime": ("sigmoid",),
    "relu_prime": ("relu",),
    "tanh_prime": ("tanh",),
    "forward": ("sigmoid", "relu", "tanh", "softmax"),
    "backward": (
        "sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime", "softmax", "forward",
    ),
}  # fmt: skip

# What is given for biases, which is not judged where there are none.
OF_BIASES = ("db", "step_b")

# What a right program may do otherwise, by the names that a convention has for it.
DECLARED = by_declaration()

# Layers of the deepest networks.
MAX_DEPTH = 4

# The seed of an assignment whose networks everybody may know.
PUBLIC_SEED = "public"

# For a function, and the digits after the point.
MOST_POINTS, DIGITS = 1_000_000, 12

# Keys of an assignment under which functions stand.
OF_FUNCTIONS = (["points"], ["texts"], ["visibilities"])

# Characters of a sentence on what was handed in.
MOST_TOLD = 400

# Networks in a key; and of one with fixed widths, weights and biases, which an answer has room for.
MOST_NETWORKS, MOST_WEIGHTS = 10_000, 1500

Seconds = Annotated[float, Meta(gt=0, le=86400)]
Size = Annotated[int, Meta(ge=1, le=2**20)]
Package = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Feedback = Literal["none", "hints", "counterexamples"]
Visibility = Literal["visible", "after_due_date", "after_published", "hidden"]


class CouldNotGradeError(Exception):
    """Grading could not be done; the message says in a sentence what was wrong, where, and what to do.

    Names of files in it may be of a student's making: what a terminal could take for a command is escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(escaped(message, kept="\\"))


class UngradableError(CouldNotGradeError):
    """What was handed in is nothing that could be run: it has no points, and whoever handed it in is told why.

    Names in it may be of any length; so much of the sentence is told.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= MOST_TOLD else f"{message[:MOST_TOLD]}...")


Of = TypeVar("Of")


class OfFunctions(msgspec.Struct, Generic[Of], frozen=True, forbid_unknown_fields=True):
    """Something of each function of the contract that it is said of."""

    sigmoid: Of | None = None
    sigmoid_prime: Of | None = None
    relu: Of | None = None
    relu_prime: Of | None = None
    tanh: Of | None = None
    tanh_prime: Of | None = None
    softmax: Of | None = None
    loss: Of | None = None
    forward: Of | None = None
    backward: Of | None = None
    gradient_descent_step: Of | None = None


# A function without points is not graded.
Points = OfFunctions[Decimal]

DEFAULT_POINTS = Points(
    sigmoid=Decimal(6),
    sigmoid_prime=Decimal(6),
    relu=Decimal(4),
    relu_prime=Decimal(6),
    softmax=Decimal(10),
    loss=Decimal(8),
    forward=Decimal(20),
    backward=Decimal(34),
    gradient_descent_step=Decimal(6),
)


class UseLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a submission may use."""

    call_seconds: Seconds = 2
    import_seconds: Seconds = 10
    total_seconds: Seconds = 60
    wall_factor: Annotated[float, Meta(ge=2, le=1000)] = 5
    memory_mb: Annotated[int, Meta(ge=256, le=2**20)] = 1024
    processes: Size = 16
    output_kb: Size = 64


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the smallest counterexample is searched for, of each function."""

    networks: Size = 1000
    seconds: Seconds = 4


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides a grade, but for the answers; the keys are described in the default file.

    Raises ValueError, which begins with the key and a colon, where values do not fit together.
    """

    title: str = "Backpropagation by hand"
    seed: int | str = PUBLIC_SEED
    networks: Annotated[int, Meta(ge=16, le=10_000)] = 240
    draws: Annotated[int, Meta(ge=1, le=100)] = 1
    dtypes: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
    activations: tuple[str, ...] = ("identity", "sigmoid", "relu", "softmax")
    layers: tuple[str, ...] = ()
    losses: tuple[str, ...] = ("half_squared_error_mean", "cross_entropy_mean")
    widths: tuple[Annotated[int, Meta(ge=1, le=64)], ...] = ()
    biases: bool = True
    relu_prime_at_zero: Literal["zero", "any"] = "zero"
    differences: tuple[str, ...] = ()
    stability: Literal["required", "optional"] = "required"
    edges: tuple[Edge, ...] = EDGES
    edge_share: Decimal = Decimal("0.4")
    follow_through: Decimal = Decimal(1)
    feedback: Feedback = "counterexamples"
    visibility: Visibility = "visible"
    late_factor: Decimal = Decimal(1)
    file: str = ""
    packages: tuple[Package, ...] = ()
    points: Points = DEFAULT_POINTS
    texts: OfFunctions[str] = OfFunctions()
    visibilities: OfFunctions[Visibility] = OfFunctions()
    limits: UseLimits = UseLimits()
    search: Search = Search()

    def __post_init__(self) -> None:
        for key, problem in _problems(self):
            raise ValueError(f"{key}: {problem}")

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that are graded, in the contract's order."""
        return tuple(function for function in FUNCTIONS if getattr(self.points, function) is not None)

    def points_of(self, function: str) -> Fraction:
        """The points of a function that is graded."""
        return Fraction(getattr(self.points, function))

    @property
    def max_score(self) -> Fraction:
        """The sum of all points."""
        return sum(map(self.points_of, self.functions), start=Fraction(0))

    def edges_of(self, function: str) -> tuple[Edge, ...]:
        """The edges that are checks of a function's own."""
        return tuple(
            edge
            for edge in EDGES_OF[function]
            if edge in self.edges and not (edge == "large values" and self.stability == "optional")
        )

    def pairs(self) -> list[tuple[str, str]]:
        """Each loss with each activation of the last layer that it makes sense after; losses take turns."""
        outputs = {loss: OUTPUT_ACTIVATIONS[find_loss(loss).kind] for loss in self.losses}
        turns = itertools.zip_longest(
            *([(loss, g) for g in outputs[loss] if g in self.last_activations] for loss in self.losses)
        )
        return [pair for turn in turns for pair in turn if pair is not None]

    @property
    def last_activations(self) -> tuple[str, ...]:
        """What the last layer may have."""
        last = self.layers[-1:] or self.activations
        return tuple(g for g in last if g != "softmax" or self.widths[-1:] != (1,))  # of one output it is always 1

    @property
    def depth(self) -> int:
        """How many layers all networks have; 0 where that is not fixed."""
        return len(self.layers) or max(len(self.widths) - 1, 0)

    @property
    def convention(self) -> Convention:
        """The networks and losses that are asked about."""
        hidden = self.layers[:-1] or [g for g in self.activations if g in HIDDEN_ACTIVATIONS] or ["identity"]
        last = dict.fromkeys(g for _, g in self.pairs())
        return Convention(tuple(hidden), tuple(last), self.losses, widths=self.widths or None, biases=self.biases)

    def kinds_of(self, function: str) -> tuple[str, ...]:
        """What a function gives, of which each kind is judged by itself; of biases nothing where there are none."""
        return tuple(kind for kind in KINDS[function] if self.biases or kind not in OF_BIASES)

    def digest(self) -> str:
        """What is asked, in a hash: two assignments with the same one can share an answer key."""
        asked = {
            "functions": self.functions,
            "networks": self.networks,
            "dtypes": self.dtypes,
            "activations": self.activations,
            "losses": self.losses,
            "relu_prime_at_zero": self.relu_prime_at_zero,
            "edges": {function: self.edges_of(function) for function in self.functions},
        }
        # Where they are not used, keys of assignments from before are still theirs.
        asked |= {"layers": self.layers} if self.layers else {}
        asked |= {"draws": self.draws} if self.draws > 1 else {}
        asked |= {"widths": self.widths} if self.widths else {}
        asked |= {} if self.biases else {"biases": False}
        return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def _problems(assignment: Assignment) -> Iterator[tuple[str, str]]:
    """What does not fit, with the key that it is about."""
    for key, chosen, known in (
        ("dtypes", assignment.dtypes, DTYPES),
        ("activations", assignment.activations, ACTIVATIONS),
        ("layers", assignment.layers, ACTIVATIONS),
        ("losses", assignment.losses, tuple(LOSSES)),
        ("edges", assignment.edges, EDGES),
    ):
        if unknown := [name for name in chosen if name not in known]:
            yield key, f"{unknown[0]!r} is unknown; there are {', '.join(known)}"
        if len(set(chosen)) < len(chosen) and key != "layers":
            yield key, "each may stand in it once"
        if not chosen and key not in ("edges", "layers"):
            yield key, "at least one is needed"
    if assignment.networks * assignment.draws > MOST_NETWORKS:
        yield "draws", f"{assignment.draws} times {assignment.networks} networks are more than {MOST_NETWORKS}"
    if unknown := [name for name in assignment.differences if name not in DECLARED]:
        yield "differences", f"{unknown[0]!r} is unknown; verify finds such as epsilon=1e-07, clip=1e-07, slope_at_0=1"
    for key in ("layers", "widths"):
        if (depth := len(getattr(assignment, key)) - (key == "widths")) > MAX_DEPTH:
            yield key, f"{depth} layers are more than the {MAX_DEPTH} that networks have at most"
    if assignment.widths and len(assignment.widths) != max(assignment.depth, 1) + 1:
        yield "widths", "there is one of x, and one of each layer"
    if (weights := sum(k * (r + 1) for r, k in itertools.pairwise(assignment.widths))) > MOST_WEIGHTS:
        yield "widths", f"{weights} weights and biases are more than {MOST_WEIGHTS}: mistakes show in small networks"
    if hidden := [g for g in assignment.layers[:-1] if g not in HIDDEN_ACTIVATIONS]:
        yield "layers", f"{hidden[0]} may stand in the last layer only"
    for key in ("edge_share", "follow_through", "late_factor"):
        share: Decimal = getattr(assignment, key)
        if not _is_within(share, 1):
            yield key, f"{share} is not a number from 0 to 1"
    for function in assignment.functions:
        points: Decimal = getattr(assignment.points, function)
        if not _is_within(points, MOST_POINTS):
            yield f"points.{function}", f"{points} is not a number of points: from 0 to {MOST_POINTS}"
            return
    if not assignment.max_score:
        yield "points", "somewhere there should be points to earn"
    for loss in set(assignment.losses) & set(LOSSES):
        if not set(OUTPUT_ACTIVATIONS[find_loss(loss).kind]) & set(assignment.last_activations):
            needed = " or ".join(OUTPUT_ACTIVATIONS[find_loss(loss).kind])
            where = "which is not that of the last layer" if assignment.layers else "which is not among the activations"
            where += ", or of one output, of which a softmax is always 1" * (assignment.widths[-1:] == (1,))
            yield "losses", f"{loss} needs the activation {needed}, {where}"


def _is_within(number: Decimal, most: int) -> bool:
    """Whether it is a number from 0 to that, with few digits after the point."""
    found = Decimal(number)
    return found.is_finite() and 0 <= found <= most and found == round(found, DIGITS)


def read_assignment(path: Path | None = None) -> Assignment:
    """The assignment in a TOML file, or the default one.

    Raises CouldNotGradeError that names the file, the line and the key, where it is no assignment.
    """
    path = path or DEFAULT_ASSIGNMENT
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text, parse_float=Decimal)
    except OSError as error:
        raise CouldNotGradeError(f"the assignment {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CouldNotGradeError(f"the assignment {path} is not text in UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CouldNotGradeError(f"the assignment {path} is not TOML: {error}") from error
    _take_earlier_limits(content)
    try:
        return msgspec.convert(content, Assignment, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        keys, problem = _place(error)
        line = f", line {_line(text, keys)}" if keys else ""
        raise CouldNotGradeError(f"the assignment {path}{line}, {'.'.join(keys)}: {problem}") from error


def _take_earlier_limits(content: dict[str, Any]) -> None:
    """What version 0.1 called cpu_seconds is total_seconds now, which was not of processor time then.

    file_mb bounded a scratch folder, and there is none any more.
    """
    limits = content.get("limits")
    if isinstance(limits, dict):
        limits.pop("file_mb", None)
    if isinstance(limits, dict) and isinstance(cpu := limits.get("cpu_seconds"), int | Decimal):
        total = limits.get("total_seconds", cpu)
        limits["total_seconds"] = min(cpu, total) if isinstance(total, int | Decimal) else total
        del limits["cpu_seconds"]


def _place(error: Exception) -> tuple[list[str], str]:
    """The key that an error is about, part by part, and what is wrong with it."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        key, _, problem = text.partition(": ")
        return key.split("."), problem
    problem, _, path = text.partition(" - at `$")
    keys = re.findall(r"\.(\w+)", path)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", problem):
        no_such = "the contract has no such function" if keys[:1] in OF_FUNCTIONS else "there is no such key"
        return [*keys, unknown[1]], no_such
    if not keys and ": " in problem:  # what Assignment itself raised
        return _place(ValueError(problem))
    if problem.startswith("Invalid enum value"):
        hint = get_type_hints(Assignment)[keys[-1]]
        choices = [choice for part in (hint, *get_args(hint)) for choice in get_args(part) if isinstance(choice, str)]
        return keys, f"{problem.removeprefix('Invalid enum value ')} is unknown; there are {', '.join(choices)}"
    return keys, f"{problem[:1].lower()}{problem[1:]}"


def _line(text: str, keys: Sequence[str]) -> int:
    """The line where a key's value begins: after the longest beginning of the file that is TOML and lacks it."""
    begun, lines = 0, text.splitlines()
    for i in range(1, len(lines) + 1):
        try:
            found: Any = tomllib.loads("\n".join(lines[:i]))
        except tomllib.TOMLDecodeError:
            continue
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found is not None:
            break
        begun = i
    return begun + 1
