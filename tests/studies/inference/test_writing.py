"""`studies.inference.writing`: what infer writes is an adapter, and right wherever the program is."""

import pytest

import backproof
from backproof.mistakes.differences import DIFFERENCES
from backproof.verification.explanation import MODIFIERS
from tests.quick import first

QUICK = {"networks": 40, "oracles": ("complex-step",), "dtypes": ("float64",)}

# Programs of one kind, which say nothing of it and take whatever activations and losses they are asked for.
TANH = """
import numpy as np

def backward(weights, biases, x, y, activations, loss):
    a = [x]
    for W, b in zip(weights, biases):
        a.append(np.tanh(a[-1] @ W.T + b))
    d, dW, db = 2 * (a[-1] - y) * (1 - a[-1] ** 2), [], []
    for i in reversed(range(len(weights))):
        dW.insert(0, d.T @ a[i])
        db.insert(0, d.sum(axis=0))
        d = d @ weights[i] * (1 - a[i] ** 2)
    return dW, db
"""
SIGMOID = (
    TANH.replace("np.tanh(a[-1] @ W.T + b)", "1 / (1 + np.exp(-(a[-1] @ W.T + b)))")
    .replace("(1 - a[-1] ** 2)", "a[-1] * (1 - a[-1]) / len(x)")
    .replace("(1 - a[i] ** 2)", "a[i] * (1 - a[i])")
)
TRANSPOSED = TANH.replace("@ W.T", "@ W").replace("d.T @ a[i]", "a[i].T @ d").replace("weights[i]", "weights[i].T")
GRADIENTS_TRANSPOSED = TANH.replace("d.T @ a[i]", "(d.T @ a[i]).T.copy()")
IN_COLUMNS = """
import numpy as np

def backward(weights, biases, x, y, activations, loss):
    a = [x]
    for W, b in zip(weights, biases):
        a.append(np.tanh(W @ a[-1] + b))
    d, dW, db = (a[-1] - y) * (1 - a[-1] ** 2), [], []
    for i in reversed(range(len(weights))):
        dW.insert(0, d @ a[i].T)
        db.insert(0, d.sum(axis=1, keepdims=True))
        d = weights[i].T @ d * (1 - a[i] ** 2)
    return dW, db
"""
WITH_A_HELPER = TANH.replace("import numpy as np", "import numpy as np\nfrom beside import square").replace(
    "a[i] ** 2", "square(a[i])"
)
ONE_ARCHITECTURE = (
    "from backproof import adapters\n"
    "CONVENTION = adapters.Convention(hidden=('tanh',), last=('tanh',), losses=('squared_error_sum',))\n"
    + TANH.replace(
        "    a = [x]", "    if len(weights) != 2 or x.shape[1] != 3:\n        raise NotImplementedError\n    a = [x]"
    )
)
OWN = {
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "transposed": TRANSPOSED,
    "gradients transposed": GRADIENTS_TRANSPOSED,
    "in columns": IN_COLUMNS,
    "with a helper": WITH_A_HELPER,
    "one architecture": ONE_ARCHITECTURE,
}
DIFFERENT = {
    name: f"from backproof.mistakes.differences import {name}\n"
    f"mine = {name}({kind.strengths[4 % len(kind.strengths)] if kind.strengths else ''})\n"
    + "".join(f"{function} = mine.{function}\n" for function in kind.functions)
    for name, kind in DIFFERENCES.items()
    if kind not in MODIFIERS and "backward" in kind.functions
}


def written(folder, text):
    (folder / "programs").mkdir()
    (folder / "programs" / "beside.py").write_text("def square(a):\n    return a * a\n")
    program = folder / "programs" / "mine.py"
    program.write_text(text)
    adapter = folder / "adapter.py"
    found = backproof.infer(str(program), write=adapter)
    return found, adapter


@pytest.mark.parametrize("name", OWN)
def test_programs_of_one_kind(name, tmp_path):
    """Whatever they were asked for before, they are right under what was found."""
    _, adapter = written(tmp_path, OWN[name])
    report = backproof.verify(str(adapter), out=tmp_path / "out", **QUICK)
    assert report.verdict == "agree", report.summary
    assert sum(outcome.cases for outcome in report.quantities if outcome.quantity == "dW") > 30
    g = "sigmoid" if name == "sigmoid" else "tanh"
    assert f"hidden=('{g}',)" in adapter.read_text()
    assert f"last=('{g}',)" in adapter.read_text()


@pytest.mark.parametrize("name", first(2, DIFFERENT))
def test_what_is_no_mistake(name, tmp_path):
    """It is consistent, and right but for that."""
    found, adapter = written(tmp_path, DIFFERENT[name])
    assert found.verdict == "consistent", found.summary
    report = backproof.verify(str(adapter), out=tmp_path / "out", **QUICK)
    assert report.verdict in ("agree", "agree but for"), report.summary


def test_the_suites_own(tmp_path):
    """All of the contract; a module is imported by its name."""
    backproof.infer(write=tmp_path / "adapter.py")
    report = backproof.verify(str(tmp_path / "adapter.py"), out=tmp_path / "out", **QUICK)
    assert report.verdict == "agree"
    assert all(outcome.cases for outcome in report.quantities)


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (TANH.replace("2 *", "y *"), "adapter.py", "mine.py follows no convention that could be written"),
        (TANH, "adapter.txt", "an adapter is a .py file of its own, and .*adapter.txt is not"),
        (TANH, "mine.py", "an adapter is a .py file of its own, and .*mine.py is not"),
        (TANH, "absent/adapter.py", "absent/adapter.py cannot be written: No such file or directory"),
    ],
)
def test_refused(text, place, sentence, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(backproof.CouldNotRunError, match=sentence):
        backproof.infer(str(tmp_path / "mine.py"), write=tmp_path / place)
    assert (tmp_path / "mine.py").read_text() == text
