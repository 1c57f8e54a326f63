"""Other functions are judged with a right one in a wrong one's place, however that is made and wherever it is kept."""

import pytest

from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
from tests.grader.conftest import SMALL, needs_bubblewrap
from tests.grader.students import RIGHT
from tests.quick import first

WRAPPED = {
    "plain": "def sigmoid(z):\n    return {wrong}\n",
    "vectorised": "@np.vectorize\ndef sigmoid(z):\n    return {wrong}\n",
    "decorated": (
        "import functools\n\ndef decorated(f):\n    @functools.wraps(f)\n    def inner(*given):\n"
        "        return f(*given)\n    return inner\n\n@decorated\ndef sigmoid(z):\n    return {wrong}\n"
    ),
    "called": "class Sigmoid:\n    def __call__(self, z):\n        return {wrong}\n\nsigmoid = Sigmoid()\n",
    "method": "class Functions:\n    def sigmoid(self, z):\n        return {wrong}\n\nsigmoid = Functions().sigmoid\n",
    "partial": "import functools\n\ndef steep(c, z):\n    return {wrong}\n\nsigmoid = functools.partial(steep, 1.0)\n",
    "library's": "sigmoid = np.tanh\n",
}
TABLES = {
    "by its name": "",
    "table": "TABLE = {'sigmoid': sigmoid, 'relu': relu, 'softmax': softmax}\n",
    "table of pairs": "PAIRS = {'sigmoid': (sigmoid, None), 'relu': (relu, None), 'softmax': (softmax, None)}\n",
    "default": "",
    "circle": "CIRCLE = [relu, softmax]\nCIRCLE += [CIRCLE] * 100 + [sigmoid]\n",
}
LOOKED_UP = {
    "by its name": "if name == 'sigmoid':\n        return sigmoid(z)",
    "table": "if name in TABLE:\n        return TABLE[name](z)",
    "table of pairs": "if name in PAIRS:\n        return PAIRS[name][0](z)",
    "default": "if name == 'sigmoid':\n        return of_default(z)",
    "circle": "if name == 'sigmoid':\n        return CIRCLE[2][-1](z)",
}


@needs_bubblewrap
@pytest.mark.parametrize("held", TABLES)
@pytest.mark.parametrize("wrapped", first(2, WRAPPED))
def test_however_it_is_wrapped(wrapped, held, small_key_file, tmp_path):
    """A wrong function costs what leaving it out does, however it is made and wherever it is kept."""
    own = "def sigmoid(z):\n    return 1.0 / (1.0 + np.exp(-z))\n"
    made = WRAPPED[wrapped].replace("{wrong}", "1.0 / (2.0 + np.exp(-z))")
    after = TABLES[held] + ("def of_default(z, f=sigmoid):\n    return f(z)\n\n" if held == "default" else "")
    text = RIGHT.replace(own, made).replace("def activation(", f"{after}\n\ndef activation(")
    text = text.replace('if name == "sigmoid":\n        return sigmoid(z)', LOOKED_UP[held], 1)
    text = text.replace("return sigmoid(z) * (1 - sigmoid(z))", "s = 1.0 / (1.0 + np.exp(-z))\n    return s * (1 - s)")
    assert LOOKED_UP[held] in text
    (tmp_path / "student.py").write_text(text)
    assert grade_submission(find_submission(tmp_path / "student.py"), SMALL, small_key_file).score == 94
