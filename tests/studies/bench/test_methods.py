"""`studies.bench.methods`: each method lets the right implementation pass, and catches a gross mistake."""

import jax
import numpy as np
import pytest

from backproof.mistakes.catalogue import MISTAKES
from backproof.oracles.draw import draw_case
from backproof.oracles.jax_functions import enable_x64
from backproof.studies.bench.methods import METHODS, compiled_anew, passes
from backproof.verification.implementation import Implementation, as_implementation, load_implementation

pytestmark = pytest.mark.long

REFERENCE = load_implementation("backproof.reference_impl")


@pytest.mark.parametrize("name", METHODS)
def test_right_and_wrong(name):
    case = draw_case(0, 2)
    with compiled_anew():
        assert passes(METHODS[name], REFERENCE, case)
        assert not passes(METHODS[name], as_implementation(MISTAKES["HiddenDerivativeMissing"]()), case)


@pytest.mark.parametrize("name", METHODS)
def test_raising_is_no_pass(name):
    """Nor is it a traceback on the terminal."""
    functions = {**REFERENCE.functions, "backward": lambda *_: np.zeros(3)[5]}
    assert not passes(METHODS[name], Implementation("raising", functions), draw_case(0, 4))


def test_compiled_anew(jax_oracle):
    """What is kept on disk is there before and afterwards, and not in between."""
    read = []
    jax.monitoring.register_event_listener(lambda event, **_: read.append(event) if "cache_hits" in event else None)

    def compile_again() -> int:
        before = len(read)
        with enable_x64(True):
            jax.jit(lambda x: 7 * x + 1)(np.ones(3))
        return len(read) - before

    try:
        compile_again()
        assert compile_again() > 0
        with compiled_anew():
            assert compile_again() == 0
        assert compile_again() > 0
    finally:
        jax.monitoring.clear_event_listeners()
