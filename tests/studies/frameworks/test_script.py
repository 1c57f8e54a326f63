"""`studies.frameworks.script`: what is handed on runs by itself, and computes what the backends compute."""

import re
import subprocess
import sys

import jax
import numpy as np
import pytest
import torch

from backproof.oracles.case import Case, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.torch_backends import TorchBackend
from backproof.reference_impl.contract import LOSSES, OUTPUT_ACTIVATIONS
from backproof.studies.frameworks.script import script, write_scripts

pytestmark = pytest.mark.long


@pytest.fixture
def run():
    """What a script computes, run in this process, whose settings it leaves as they were."""
    threads, x64 = torch.get_num_threads(), jax.config.jax_enable_x64

    def run(text: str) -> dict[str, np.ndarray]:
        assert "backproof" not in text.partition('"""\n\n')[2].lower()
        names: dict[str, object] = {}
        exec(text, names)
        return names["got"]

    yield run
    torch.set_num_threads(threads)
    jax.config.update("jax_enable_x64", x64)


def assert_small(printed: str) -> None:
    """A line for every array, and no ratio above 1."""
    ratios = [line.split()[-1] for line in printed.splitlines()[2:]]
    assert len(ratios) > 10
    assert all(ratio == "unchecked" or float(ratio) <= 1 for ratio in ratios)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_runs_by_itself(library, tmp_path):
    """In a process and a folder of its own, where nothing of the project is to be found."""
    (path,) = write_scripts(draw_case(0, 3, "kinks"), [library], "float32", tmp_path)
    assert path.name == f"v3-kinks-0-3-{'torch-eager' if library == 'torch' else 'jax-jit'}-float32.py"
    done = subprocess.run(
        [sys.executable, "-I", path.name], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert_small(done.stdout)
    assert done.stdout.startswith("PyTorch 2" if library == "torch" else "JAX 0")


@pytest.mark.parametrize("way", ["eager", "func"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_computes_what_the_backend_does(way, dtype, run, capsys):
    """To the last bit, in every dtype."""
    for case in (draw_case(6, i) for i in range(6)):
        got = run(script(case, f"torch-{way}", dtype))
        (answer,) = TorchBackend(dtype, way).answers([case.rounded(dtype)])
        for i in range(1, case.depth + 1):
            for name, quantity in ((f"a{i}", "output"), (f"dW{i}", "dW"), (f"db{i}", "db")):
                assert np.array_equal(got[name], answer[Quantity(quantity, i)], equal_nan=True), (case, name)
        for name in ("loss", "sigmoid", "tanh_prime", "softmax"):
            assert np.array_equal(got[name], answer[Quantity(name)], equal_nan=True), (case, name)
        assert_small(capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["squared_error", "cross_entropy", "binary_cross_entropy"])
def test_every_loss_in_jax(kind, run, capsys):
    """Each kind of loss after each activation that it goes with."""
    rng = np.random.default_rng(0)
    loss = next(name for name, parts in LOSSES.items() if parts.kind == kind and parts.reduction == "mean")
    for activation in OUTPUT_ACTIVATIONS[kind]:
        W, b, x = rng.standard_normal((2, 3)), rng.standard_normal(2), rng.standard_normal((4, 3))
        case = Case((W,), (b,), x, np.eye(2)[[0, 1, 1, 0]], (activation,), loss, 0.5)
        run(script(case, "jax-jit", "float64"))
        assert_small(capsys.readouterr().out)


def test_shows_what_is_wrong(run, capsys):
    """A wrong expression in the script is seen in its last column."""
    case = next(case for i in range(100) if (case := draw_case(0, i, "ordinary")).activations[0] == "sigmoid")
    text = script(case, "torch-eager", "float64")
    run(text.replace("torch.sigmoid(z1)", "torch.sigmoid(z1 * (1 + 1e-12))"))
    printed = capsys.readouterr().out
    (line,) = re.findall(r"^a1 .*$", printed, re.MULTILINE)
    assert float(line.split()[-1]) > 1


def test_only_frameworks_have_scripts():
    for name in ("numpy", "complex-step", "torch-cuda"):
        with pytest.raises(ValueError, match=f"there are scripts for PyTorch and JAX on the CPU, and none for {name}"):
            script(draw_case(0, 0), name, "float64")
