"""What rounding leaves open in float32, asked about in float64: the same numbers, and the implementation's own answer.

Where float32 may be off by a tenth of a gradient, an honest program is as good as one that is wrong. In float64 the two
are told apart: a formula that is right there is right. It accuses nobody, since whoever was asked about float32 need
not be able to do anything else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from backproof.oracles.bounds import Arithmetic
from backproof.oracles.bounds.network import stack_bounds
from backproof.oracles.comparison import NOTHING, are_right
from backproof.oracles.registry import Oracle
from backproof.oracles.segments import last_outputs
from backproof.oracles.stack import Flat, Stack, stack_of
from backproof.reference_impl.contract import Array
from backproof.verification.calls import answers_of
from backproof.verification.implementation import Implementation

# The dtype that is too coarse now and then, and the one that is asked about then.
COARSER, FINER = "float32", "float64"


def right_in_float64(
    implementation: Implementation, arithmetic: Arithmetic, oracle: Oracle, stack: Stack, chosen: Sequence[int]
) -> Flat:
    """To which entries of the chosen cases of a stack the answer in float64 is checked and right: 1, and 0 elsewhere.

    arithmetic: that of an honest implementation in float64.
    """
    cases = [stack.cases[s].cast(FINER) for s in chosen]
    finer = dataclasses.replace(
        stack_of(cases, range(len(cases)), stack.shape), numbers=tuple(stack.numbers[s] for s in chosen)
    )
    expected = oracle.flat(finer)
    answers = answers_of(implementation, finer, last_outputs(finer, expected["output"]), again=False)
    allowances = stack_bounds(finer, [arithmetic, oracle.arithmetic.unnamed], shared=True).allowances
    found = {}
    for kind, got in answers.lines.items():
        own, theirs = allowances[kind]
        allowed, sizes = own + oracle.arithmetic.with_answer(theirs, expected[kind], own), finer.layouts[kind].sizes
        found[kind] = np.zeros(int(stack.sizes[kind].sum()))
        found[kind][entries_of(stack, kind, chosen)] = are_right(
            got, expected[kind], allowed, sizes[sizes > 0], nothing=NOTHING[FINER]
        )
    return found


def entries_of(stack: Stack, kind: str, chosen: Sequence[int]) -> Array:
    """Where the numbers of some of a stack's cases are in a line of all of a kind."""
    starts, sizes = stack.layouts[kind].starts[:, 0], stack.sizes[kind]
    return np.concatenate([np.arange(starts[s], starts[s] + sizes[s]) for s in chosen])
