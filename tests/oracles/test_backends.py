"""`oracles.torch_backends` and `oracles.jax_backends`: the frameworks in every precision keep their bounds."""

import numpy as np
import pytest
import torch

from backproof.oracles import torch_backends
from backproof.oracles.attribution import Attribution
from backproof.oracles.bounds import CUDA, bounds
from backproof.oracles.case import Case, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.jax_backends import JaxBackend
from backproof.oracles.torch_backends import TorchBackend

DTYPES = ("float64", "float32", "bfloat16", "float16")


def small(dtype: str, number: int) -> list[Case]:
    """Cases of all profiles that JAX pads to its smallest shape."""
    drawn = [draw_case(4, i) for i in range(2000)]
    found = [case for case in drawn if 2 < case.depth <= 4 and max(case.widths) <= 8 and case.n <= 8]
    return [case.rounded(dtype) for case in found if np.abs(case.x).max() < np.finfo(np.float16).max][:number]


def assert_within_bounds(backend, cases) -> None:
    for case, answer in zip(cases, backend.answers(cases), strict=True):
        (allowed,) = bounds([case], [backend.arithmetic])[0].allowances
        certified = Attribution(case, allowed)
        assert list(answer) == list(case.quantities)
        for quantity, values in answer.items():
            assert values.shape == allowed[quantity].shape
            assert certified.side(quantity, values, allowed[quantity]) != "outside", (case, quantity)


@pytest.mark.long
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("backend", "way"), [(TorchBackend, "eager"), (TorchBackend, "func"), (JaxBackend, "jit")])
def test_within_bounds(backend, way, dtype):
    assert_within_bounds(backend(dtype, way), small(dtype, 60))


@pytest.mark.long
def test_jax_operation_by_operation():
    assert_within_bounds(JaxBackend("bfloat16", "eager"), small("bfloat16", 30))


@pytest.mark.long
def test_torch_compiled():
    """Compiled or not, the network is the same; where nothing can be compiled, a sentence says why."""
    try:
        backend = TorchBackend("float32", "compile")
    except RuntimeError as error:
        pytest.skip(str(error))
    (case,) = small("float32", 1)
    assert_within_bounds(backend, [case])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_computes_in_its_dtype(dtype):
    """Every answer is a number of the dtype, and some are no numbers of a coarser one."""
    for backend in (TorchBackend(dtype), JaxBackend(dtype)):
        answers = [value for answer in backend.answers(small(dtype, 3)) for value in map(np.ravel, answer.values())]
        values = torch.from_numpy(np.nan_to_num(np.concatenate(answers)))
        assert torch.equal(values.to(getattr(torch, dtype)).double(), values)
        assert not torch.equal(values.to(torch.bfloat16).double(), values) or dtype == "bfloat16"


def test_overflow_stays_where_it_is():
    """An input of a sigmoid that float16 has no number for makes no gradient NaN, nor another neuron's."""
    W, x = np.array([[100.0, 0.0], [0.0, 1.0]]), np.array([[1000.0, 0.5], [0.25, -1.0]])
    case = Case((W,), (np.zeros(2),), x, np.eye(2), ("sigmoid",), "binary_cross_entropy_sum", 0.5)
    for backend in (TorchBackend("float16"), JaxBackend("float16")):
        (answer,) = backend.answers([case])
        assert np.isfinite(answer[Quantity("dW", 1)]).all(), backend.name


def test_planted_error_is_outside(monkeypatch):
    """A sigmoid that is off by two of bfloat16's ulps is seen."""
    monkeypatch.setitem(torch_backends.ACTIVATION, "sigmoid", lambda z: torch.sigmoid(z) * (1 + 2.0**-6))
    with pytest.raises(AssertionError):
        assert_within_bounds(TorchBackend("bfloat16"), small("bfloat16", 60))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_says_when_there_is_none():
    with pytest.raises(RuntimeError, match="PyTorch finds no CUDA device"):
        TorchBackend("float32", device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA device")
@pytest.mark.parametrize(("dtype", "tf32"), [*((dtype, False) for dtype in DTYPES), ("float32", True)])
def test_cuda_within_bounds(dtype, tf32):
    assert_within_bounds(TorchBackend(dtype, device="cuda", tf32=tf32), small(dtype, 60))


def test_settings_are_put_back():
    """Threads and TF32 are as they were; in between, there is one thread, and TF32 as asked for."""

    def now(setting):
        return torch.get_num_threads(), getattr(torch.backends.cuda.matmul, setting)

    for tf32 in (False, True):
        setting, wanted = torch_backends.precision(tf32)
        before = now(setting)
        with torch_backends._settings(tf32):
            assert now(setting) == (1, wanted)
        assert now(setting) == before


def test_tf32_allows_more():
    """Factors of 11 bits are allowed far more than those of 24, in products alone."""
    (case,) = small("float32", 1)
    (found,) = bounds([case], [CUDA["float32"], CUDA["tf32"]])
    exact, rounded = (allowed[Quantity("output", 1)].max() for allowed in found.allowances)
    assert rounded > 100 * exact
    assert (found.allowances[0][Quantity("tanh")] == found.allowances[1][Quantity("tanh")]).all()
