"""An answer key: the networks of an assignment, the right answers, and how far honest ones may be from them.

A key is made once, where PyTorch, JAX and Arb are at hand (`grader.key_making`); to grade with it takes NumPy alone. It
is one file: a line that names its format, the SHA-256 of all that follows, and an archive in NumPy's format .npz, of
which nothing can be made to run:

- header: JSON, as bytes: `Header`
- inputs: all numbers of the networks, which float32 holds exactly
- predictions: what the loss is asked about, in float64
- answers: the right answers in float64, function by function, network by network
- allowances: for each dtype, how far an honest answer may be from that one, as the first 16 bits of float64, rounded
  up: 6 % too much at most
"""

from __future__ import annotations

import hashlib
import io
import math
import urllib.parse
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from backproof.grader.assignment import DEFAULT_ASSIGNMENT, OF_BIASES, Assignment, CouldNotGradeError, Edge
from backproof.grader.networks import Network
from backproof.oracles.case import KINDS, Answer, Case, Quantity
from backproof.reference_impl.contract import Array

# How a key begins; the number is raised whenever one made before could not be read, or would be misread.
FORMAT = b"backproof key 2\n"

# No key is larger, nor what it unpacks to.
MOST_BYTES = 2**30

DEFAULT_KEY = DEFAULT_ASSIGNMENT.with_suffix(".key")

Purpose = Literal["grading", "practice"]

# The quantities that a function answers for a network, each with its shape and number of entries.
Layout = list[tuple[Quantity, tuple[int, ...], int]]


class NetworkHeader(msgspec.Struct, frozen=True, omit_defaults=True):
    """A network without its numbers; it and the one for the loss differ in widths, activations and numbers."""

    edge: Edge | None
    n: int
    widths: tuple[int, ...]
    activations: tuple[str, ...]
    judged_activation: str
    loss: str
    learning_rate: float
    biases: bool = True


class Header(msgspec.Struct, frozen=True):
    """What a key says of itself.

    assignment: the digest of what is asked. student: for whom it was made, if for one. made_with: versions of what made
    it. agreement: for each oracle, the largest distance from the certified answers, divided by what its own bound
    allows.
    """

    title: str
    assignment: str
    purpose: Purpose
    student: str | None
    dtypes: tuple[str, ...]
    functions: tuple[str, ...]
    networks: tuple[NetworkHeader, ...]
    made_with: dict[str, str]
    agreement: dict[str, float]
    rejected: dict[str, int]


@dataclass(frozen=True)
class Key:
    """An answer key in memory.

    answers: one array for each function, with the right answers of all networks one after the other; allowances: as
    many for each dtype. digest: the SHA-256 of the file that it was read from; empty where it was just made.
    """

    header: Header
    networks: tuple[Network, ...]
    predictions: tuple[Array, ...]
    answers: dict[str, Array]
    allowances: dict[str, dict[str, Array]]
    digest: str = ""

    def summary(self) -> str:
        """What the key is, in a sentence."""
        header = self.header
        agreement = " and ".join(f"{oracle} {ratio:.2g}" for oracle, ratio in header.agreement.items())
        whose = f" for {header.student}" if header.student is not None else ""
        return (
            f"The {header.purpose} key{whose} has {len(self.networks)} networks; {sum(header.rejected.values())} more "
            f"were drawn, and were not what they should be. Error / allowed of the oracles is at most: {agreement}."
        )

    def chosen(self, numbers: Sequence[int]) -> Key:
        """The same key with some of its networks alone, in that order."""

        def only(function: str, values: Array) -> Array:
            return np.concatenate([values[slice(*self.spans[function][number])] for number in numbers])

        return replace(
            self,
            header=msgspec.structs.replace(self.header, networks=tuple(self.header.networks[i] for i in numbers)),
            networks=tuple(self.networks[i] for i in numbers),
            predictions=tuple(self.predictions[i] for i in numbers),
            answers={function: only(function, values) for function, values in self.answers.items()},
            allowances={
                dtype: {function: only(function, values) for function, values in by_function.items()}
                for dtype, by_function in self.allowances.items()
            },
        )

    @cached_property
    def layouts(self) -> dict[str, list[Layout]]:
        """For each function and network the quantities that it answers."""
        return {
            function: [layout(function, network) for network in self.networks] for function in self.header.functions
        }

    @cached_property
    def spans(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Where, among a function's answers, each network's are."""
        return {function: tuple(self._spans(function)) for function in self.header.functions}

    def _spans(self, function: str) -> Iterator[tuple[int, int]]:
        start = 0
        for quantities in self.layouts[function]:
            end = start + sum(size for _, _, size in quantities)
            yield start, end
            start = end

    def answer(self, function: str, number: int) -> Answer:
        """The right answers of a function for a network, by quantity."""
        return self._by_quantity(self.answers[function], function, number)

    def allowance(self, function: str, number: int, dtype: str) -> Answer:
        """How far an honest answer in a dtype may be from the right one, by quantity."""
        return self._by_quantity(self.allowances[dtype][function], function, number)

    def _by_quantity(self, numbers: Array, function: str, number: int) -> Answer:
        start, _ = self.spans[function][number]
        found = {}
        for quantity, shape, size in self.layouts[function][number]:
            found[quantity] = numbers[start : start + size].reshape(shape)
            start += size
        return found


def asked_case(function: str, network: Network) -> Case:
    """The case that a function is asked about."""
    return network.judged if function == "loss" else network.case


def layout(function: str, network: Network) -> Layout:
    """The quantities that a function answers for a network, each with its shape and number of entries."""
    case = asked_case(function, network)
    shapes: list[tuple[Quantity, tuple[int, ...]]] = []
    for kind in KINDS[function]:
        if kind == "output":
            shapes += [(Quantity(kind, i), (case.n, k)) for i, k in enumerate(case.widths)]
        elif kind in ("dW", "step_W"):
            shapes += [(Quantity(kind, i), W.shape) for i, W in enumerate(case.weights, 1)]
        elif kind in OF_BIASES:
            shapes += [(Quantity(kind, i), b.shape) for i, b in enumerate(case.biases * network.biases, 1)]
        else:
            shapes.append((Quantity(kind), () if kind == "loss" else case.x.shape))
    return [(quantity, shape, math.prod(shape)) for quantity, shape in shapes]


def write_key(key: Key, path: Path) -> None:
    """Write a key, whole or not at all. Raises CouldNotGradeError where that cannot be done."""
    arrays = {
        "inputs": _join([array for network in key.networks for array in _inputs(network)]).astype(np.float32),
        "predictions": _join(key.predictions),
        "answers": _join([key.answers[function] for function in key.header.functions]),
        "allowances": np.stack([_rounded_up(_join(list(key.allowances[d].values()))) for d in key.header.dtypes]),
    }
    header = np.frombuffer(msgspec.json.encode(key.header), np.uint8)
    archive = io.BytesIO()
    np.savez_compressed(archive, allow_pickle=False, header=header, **arrays)
    content = _without_time(archive)
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(FORMAT + hashlib.sha256(content).digest() + content)
        unfinished.replace(path)
    except OSError as error:
        raise CouldNotGradeError(f"the key {path} cannot be written: {error.strerror}") from error


def _without_time(archive: io.BytesIO) -> bytes:
    """The archive with no time of day in it, so that the same key is the same bytes."""
    plain = io.BytesIO()
    with (
        zipfile.ZipFile(archive) as source,
        zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target,
    ):
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    return plain.getvalue()


def find_key(key: Path | None, assignment: Path | None, student: str) -> Path:
    """Where the key is: as given, or in the folder that is given under the student's id; else beside the assignment.

    The default assignment, for which `assignment` is None, comes with a key of its own.
    """
    if key is not None:
        return key / student_file(student) if key.is_dir() else key
    return DEFAULT_KEY if assignment is None else assignment.with_suffix(".key")


def student_file(student: str) -> str:
    """The name of a student's key, whatever characters the id has."""
    return f"{urllib.parse.quote(student, safe='', errors='surrogateescape')}.key"


def read_key(path: Path, assignment: Assignment, student: str | None = None) -> Key:
    """Read a key for an assignment; student: whose submission it is for, where that is known.

    Raises CouldNotGradeError where there is none, it is damaged in any byte, or belongs to another assignment, student
    or version.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except FileNotFoundError as error:
        raise CouldNotGradeError(f"there is no answer key {path}; backproof key makes one") from error
    except OSError as error:
        raise CouldNotGradeError(f"the key {path} cannot be read: {error.strerror}") from error
    content, digest = _undamaged(path, content)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            if sum(each.file_size for each in stored.zip.infolist()) > MOST_BYTES:
                raise ValueError("it unpacks to more than any key")
            arrays = {name: stored[name] for name in ("header", "inputs", "predictions", "answers", "allowances")}
        header = msgspec.json.decode(arrays.pop("header").tobytes(), type=Header)
        key = _assemble(header, arrays, digest)
    except Exception as error:  # of whatever kind: NumPy, zipfile and zlib each have their own
        raise CouldNotGradeError(f"{path} is not an answer key ({type(error).__name__}: {error})") from error
    if header.assignment != assignment.digest():
        raise CouldNotGradeError(
            f'the key {path} belongs to another assignment ("{header.title}", or what it asked before it was changed): '
            "make one for this with backproof key"
        )
    if student is not None and header.student not in (None, student):
        raise CouldNotGradeError(f"the key {path} was made for {header.student}, not for {student}")
    return key


def _undamaged(path: Path, content: bytes) -> tuple[bytes, str]:
    """The archive in a key's file, and its hash; raises CouldNotGradeError where it is not what was written."""
    begun, digest, archive = content[: len(FORMAT)], content[len(FORMAT) :][:32], content[len(FORMAT) + 32 :]
    if begun != FORMAT:
        if begun.startswith((FORMAT[:-2], b"PK")):
            raise CouldNotGradeError(
                f"the key {path} is damaged, or of another version of backproof: make it anew with backproof key"
            )
        raise CouldNotGradeError(f"{path} is not an answer key; backproof key makes one")
    if hashlib.sha256(archive).digest() != digest:
        raise CouldNotGradeError(
            f"the key {path} is damaged, it is not what was written: copy it again, or make it anew with backproof key"
        )
    return archive, digest.hex()


def _assemble(header: Header, arrays: dict[str, Array], digest: str) -> Key:
    inputs, predictions = _Reader(arrays["inputs"].astype(np.float64)), _Reader(arrays["predictions"])
    networks = tuple(_network(item, inputs) for item in header.networks)
    key = Key(
        header=header,
        networks=networks,
        predictions=tuple(predictions.take(network.judged.y.shape) for network in networks),
        answers={},
        allowances={dtype: {} for dtype in header.dtypes},
        digest=digest,
    )
    answers = _Reader(arrays["answers"])
    allowances = [_Reader((row.astype(np.uint64) << np.uint64(48)).view(np.float64)) for row in arrays["allowances"]]
    for function in header.functions:
        size = key.spans[function][-1][1]
        key.answers[function] = answers.take((size,))
        for dtype, reader in zip(header.dtypes, allowances, strict=True):
            key.allowances[dtype][function] = reader.take((size,))
    return key


class _Reader:
    """Numbers that are taken out of one long array, one after the other."""

    def __init__(self, numbers: Array) -> None:
        self._numbers, self._used = numbers, 0

    def take(self, shape: tuple[int, ...]) -> Array:
        size = math.prod(shape)
        self._used += size
        return self._numbers[self._used - size : self._used].reshape(shape)


def network_header(network: Network) -> NetworkHeader:
    """A network without its numbers."""
    case = network.case
    return NetworkHeader(
        edge=network.edge,
        n=case.n,
        widths=case.widths,
        activations=case.activations,
        judged_activation=network.judged.activations[0],
        loss=case.loss,
        learning_rate=case.learning_rate,
        biases=network.biases,
    )


def _inputs(network: Network) -> list[Array]:
    """The numbers of a network, in the order in which `_network` reads them."""
    case = network.case
    return [*case.weights, *case.biases, case.x, case.y, network.judged.x, network.judged.y]


def _network(item: NetworkHeader, inputs: _Reader) -> Network:
    received, widths = item.widths[:-1], item.widths[1:]
    k = item.widths[-1]
    case = Case(
        weights=tuple(inputs.take(shape) for shape in zip(widths, received, strict=True)),
        biases=tuple(inputs.take((k_i,)) for k_i in widths),
        x=inputs.take((item.n, received[0])),
        y=inputs.take((item.n, k)),
        activations=item.activations,
        loss=item.loss,
        learning_rate=item.learning_rate,
    )
    judged = Case(
        weights=(np.eye(k),),
        biases=(np.zeros(k),),
        x=inputs.take((item.n, k)),
        y=inputs.take((item.n, k)),
        activations=(item.judged_activation,),
        loss=item.loss,
        learning_rate=item.learning_rate,
    )
    return Network(case, judged, item.edge, item.biases)


def _join(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays])


def _rounded_up(allowances: Array) -> Array:
    """The sign, the exponent and four bits of each number, rounded away from 0."""
    return ((allowances.view(np.uint64) + np.uint64(2**48 - 1)) >> np.uint64(48)).astype(np.uint16)
