"""Random cases, each determined by the generator's version, a profile, a seed and an index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from backproof.oracles.case import Case, check_names, say_architecture
from backproof.oracles.case_files import read_case
from backproof.oracles.profiles import DRAWN, Generator, gaussian_case, with_other_weights

# Raised whenever the same seed and index would draw another case than before, so that an old name is never misread.
GENERATOR = 3

PROFILES = (*DRAWN, "all")

# What usually goes with a last activation.
USUAL_LOSS = {"softmax": "cross_entropy_mean", "sigmoid": "binary_cross_entropy_mean"}


def draw_case(seed: int, index: int, profile: str = "all") -> Case:
    """The case number `index` of a seed's random sequence, in float64.

    Profiles:

    - ordinary: what people train; depth 1 to 8, widths 1 to 64, 1 to 32 samples, gains from 0.1 to 2; now and then a
      larger network, of 10 to 12 layers, 65 to 96 neurons, 33 to 48 samples, or inputs of 10^4 to 10^10
    - saturated: sigmoids, tanhs and softmaxes far out where they are flat, pre-activations of 1000 and more; confident
      predictions, right and wrong
    - vanishing: 5 to 8 layers of sigmoids or tanhs with small weights, so that gradients all but vanish
    - kinks: ReLU networks with pre-activations that are exactly 0 or -0.0, ties, dead layers and subnormal inputs
    - narrow: width 1, one sample, one output, alone and together
    - integers: small integers under identity and ReLU, on which float arithmetic is exact
    - all: these in turn, so that case 8 of `all` is case 8 of `vanishing`

    Within a profile the cases take turns at what mistakes depend on, kinds of loss, square networks, rows far apart, so
    that any twenty cases of `all` have each of these. Any thousand of them meet each of the corners of
    `oracles.corners`, and some have the very samples, labels and sizes of the case six numbers before, under other
    weights, so that who remembers by samples is found.

    Raises ValueError for an unknown profile or a negative seed or index.
    """
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; there are {', '.join(PROFILES)}")
    _check_not_negative(seed, index)
    if profile == "all":
        profile = PROFILES[index % len(DRAWN)]
    rng = _generator(GENERATOR, PROFILES.index(profile), seed, index)
    turn, name = index // len(DRAWN), f"v{GENERATOR}:{profile}:{seed}:{index}"
    if profile == "ordinary" and turn % 8 == 5:
        return with_other_weights(rng, name, draw_case(seed, index - len(DRAWN), profile))
    return DRAWN[profile](rng, turn, name)


def _generator(*numbers: int) -> Generator:
    """The random numbers that these determine."""
    # NumPy takes lists as well, and gives the same, but it takes longer to look at them.
    short = max(numbers) < 2**32
    return np.random.default_rng(np.array(numbers, np.uint32) if short else list(numbers))


def find_case(reference: str) -> Case:
    """The case that a text names: a drawn case's name ("v3:kinks:0:17"), JSON, or the path of a JSON or .npz file.

    Raises ValueError for anything else, in a sentence.
    """
    if match := re.fullmatch(r"v(\d+):([^:]+):(\d+):(\d+)", reference):
        version, drawn_from, seed, index = match.groups()
        if int(version) != GENERATOR:
            raise ValueError(
                f"{reference} was drawn by generator {version}; this version of backproof has generator {GENERATOR}"
            )
        if architecture := Architecture.named(drawn_from):
            return architecture.draw(int(seed), int(index))
        return draw_case(int(seed), int(index), drawn_from)
    if reference.lstrip().startswith("{"):
        return Case.from_json(reference)
    if not Path(reference).is_file():
        raise ValueError(
            f"{reference!r} is neither the name of a case, as in v{GENERATOR}:ordinary:0:17, nor JSON, nor a readable "
            "file of it"
        )
    return read_case(reference)


class Architecture(msgspec.Struct, frozen=True):
    """Networks of one kind: widths k_0, ..., k_L, an activation for each layer, a loss, the number of samples.

    Raises ValueError where these do not fit together, or one is unknown.
    """

    widths: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    batch: int = 32

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(*self.widths, self.batch) < 1:
            raise ValueError(
                "a network has at least an input and a layer, and a sample; "
                f"got {list(self.widths)}, batch {self.batch}"
            )
        if len(self.activations) != len(self.widths) - 1:
            raise ValueError(f"{len(self.widths) - 1} layers need as many activations; got {len(self.activations)}")
        check_names(self.activations, self.loss)

    @classmethod
    def usual(
        cls, widths: Sequence[int], activations: Sequence[str] | None, loss: str | None, batch: int
    ) -> Architecture:
        """One with what is usual for what is not said: ReLU, then softmax (sigmoid for one output), and their loss."""
        if activations is None:
            activations = (*["relu"] * (len(widths) - 2), "softmax" if widths[-1] > 1 else "sigmoid")
        if loss is None:
            loss = USUAL_LOSS.get(activations[-1] if activations else "", "half_squared_error_mean")
        return cls(tuple(widths), tuple(activations), loss, batch)

    @classmethod
    def named(cls, name: str) -> Architecture | None:
        """The one of that name; None where it is none."""
        parts = re.fullmatch(r"(\d+(?:-\d+)+)/([a-z-]+)/([a-z_]+)/(\d+)", name)
        if not parts:
            return None
        widths, activations, loss, batch = parts.groups()
        return cls(tuple(map(int, widths.split("-"))), tuple(activations.split("-")), loss, int(batch))

    @property
    def name(self) -> str:
        """In one word, as in "784-128-10/relu-softmax/cross_entropy_mean/32"."""
        return f"{'-'.join(map(str, self.widths))}/{'-'.join(self.activations)}/{self.loss}/{self.batch}"

    @property
    def words(self) -> str:
        """As in "784 -relu- 128 -softmax- 10, cross_entropy_mean, 32 samples"."""
        architecture = say_architecture(self.widths, self.activations)
        return f"{architecture}, {self.loss}, {self.batch} sample{'s' * (self.batch > 1)}"

    def draw(self, seed: int, index: int) -> Case:
        """The network number `index` of a seed, in float64.

        Weights are Gaussian, of standard deviation 1 / sqrt(k_{i-1}), and labels suit the loss. Raises ValueError for a
        negative seed or index.
        """
        _check_not_negative(seed, index)
        rng, name = _generator(GENERATOR, len(DRAWN), seed, index), f"v{GENERATOR}:{self.name}:{seed}:{index}"
        hidden, last = self.activations[:-1], self.activations[-1]
        case = gaussian_case(rng, name, list(self.widths), self.batch, hidden, last, self.loss, gain=1.0)
        return replace(case)  # checks that the parts fit together


def _check_not_negative(seed: int, index: int) -> None:
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are not negative; got {seed} and {index}")
