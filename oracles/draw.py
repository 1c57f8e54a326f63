"""Random cases, each determined by the generator's version, a profile, a seed and an index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from backproof.oracles.case import Case
from backproof.oracles.profiles import DRAWN, Generator, gaussian_case, with_other_weights
from backproof.reference_impl.contract import find_loss

# Raised whenever the same seed and index would draw another case than before, so that an old name is never misread.
GENERATOR = 3

PROFILES = (*DRAWN, "all")


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
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are not negative; got {seed} and {index}")
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
    """The case that a text names: a drawn case's name ("v3:kinks:0:17"), JSON, or the path of a JSON file.

    Raises ValueError for anything else, in a sentence.
    """
    if match := re.fullmatch(r"v(\d+):([a-z]+):(\d+):(\d+)", reference):
        version, profile, seed, index = match.groups()
        if int(version) != GENERATOR:
            raise ValueError(
                f"{reference} was drawn by generator {version}; this version of backproof has generator {GENERATOR}"
            )
        return draw_case(int(seed), int(index), profile)
    if reference.lstrip().startswith("{"):
        return Case.from_json(reference)
    try:
        return Case.from_json(Path(reference).read_bytes())
    except OSError as error:
        raise ValueError(
            f"{reference!r} is neither the name of a case, as in v{GENERATOR}:ordinary:0:17, nor JSON, "
            f"nor a readable file of it ({error.strerror})"
        ) from error


def draw_like(seed: int, index: int, *, widths: Sequence[int], n: int, activations: Sequence[str], loss: str) -> Case:
    """The case number `index` of a seed's networks of one architecture, in float64; it has no name.

    widths: k_0, ..., k_L. Weights are Gaussian, of standard deviation 1 / sqrt(k_{i-1}), and labels suit the loss.
    Raises ValueError where these do not fit together, or a seed or index is negative.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are not negative; got {seed} and {index}")
    if len(widths) < 2 or min(*widths, n) < 1:
        raise ValueError(f"a network has at least an input and a layer, and a sample; got {list(widths)}, batch {n}")
    if len(activations) != len(widths) - 1:
        raise ValueError(f"{len(widths) - 1} layers need as many activations; got {len(activations)}")
    find_loss(loss)
    rng = _generator(GENERATOR, len(DRAWN), seed, index)
    case = gaussian_case(rng, "", list(widths), n, tuple(activations[:-1]), activations[-1], loss, gain=1.0)
    return replace(case)  # checks that the parts fit together
