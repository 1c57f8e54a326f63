"""`verification.implementation`: whatever an implementation is or does, there is an answer or a sentence about it."""

import numpy as np
import pytest

from backproof.oracles.case import Quantity
from backproof.oracles.comparison import Problem
from backproof.oracles.draw import draw_case
from backproof.verification.implementation import CouldNotLoadError, Implementation, load_implementation

CASE = draw_case(0, 24)
PREDICTION = np.ones((CASE.n, CASE.widths[-1]))


def answer(**functions):
    """What these functions give for a case."""
    return Implementation("planted", functions).answer(CASE, PREDICTION)


def causes(found, kind):
    """The distinct problems under a kind of quantity."""
    return {value.cause for quantity, value in found.items() if quantity.kind == kind and isinstance(value, Problem)}


def test_a_name_that_is_only_ours():
    """Whoever means Backproof's own implementation is told what it is called."""
    with pytest.raises(
        CouldNotLoadError, match=r"no module reference_impl\.x, .*Backproof's own is backproof\.reference"
    ):
        load_implementation("reference_impl.x")
    with pytest.raises(CouldNotLoadError, match=r"no module other, .*the name of a file ends in \.py"):
        load_implementation("other")


class TestLoading:
    """A module, a file, and what is neither."""

    def test_module(self):
        assert load_implementation("backproof.reference_impl").missing == ()

    def test_file_with_some_functions(self, tmp_path):
        """What is missing is known by name."""
        path = tmp_path / "student.py"
        path.write_text("import numpy as np\ndef relu(z): return np.maximum(z, 0)\n")
        implementation = load_implementation(str(path))
        assert list(implementation.functions) == ["relu"]
        assert implementation.missing[:3] == ("sigmoid", "sigmoid_prime", "relu_prime")

    def test_file_imports_what_lies_beside_it(self, tmp_path):
        (tmp_path / "its_neighbour_module.py").write_text("def relu(z): return z * (z > 0)\n")
        path = tmp_path / "student.py"
        path.write_text("from its_neighbour_module import relu\n")
        assert list(load_implementation(str(path)).functions) == ["relu"]

    def test_module_here(self, tmp_path, monkeypatch):
        """A module in the current folder is found, as `python -m` finds it."""
        (tmp_path / "a_module_right_here.py").write_text("def relu(z): return z * (z > 0)\n")
        monkeypatch.chdir(tmp_path)
        assert list(load_implementation("a_module_right_here").functions) == ["relu"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("def relu(z):\n    return (", r"cannot be imported: line 2: SyntaxError: '\(' was never closed"),
            (
                "import a_package_that_is_not_there",
                "cannot be imported: ModuleNotFoundError: No module named 'a_package",
            ),
            ("raise SystemExit('bye')", "cannot be imported: SystemExit: bye"),
            ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
            ("", "has none of the contract's functions; it needs at least one of sigmoid, sigmoid_prime"),
            ("relu = 3", "has relu, but not as a function: as a value of type int"),
            ("\x00", "cannot be imported"),
        ],
    )
    def test_files_that_cannot_be_loaded(self, tmp_path, content, message):
        path = tmp_path / "student.py"
        path.write_text(content)
        with pytest.raises(CouldNotLoadError, match=message):
            load_implementation(str(path))

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("no_such_file.py", "there is no file no_such_file.py"),
            (".py", "there is no file .py"),
            ("no_such_module", "there is no module no_such_module, here or installed"),
            ("no_such_package.module", "there is no module no_such_package.module"),
            ("", "cannot be imported"),
            ("..", "cannot be imported"),
            ("json", "has none of the contract's functions"),
        ],
    )
    def test_nothing_to_load(self, source, message):
        with pytest.raises(CouldNotLoadError, match=message):
            load_implementation(source)

    def test_import_path_is_given_back(self, tmp_path):
        """Nothing of the implementation's folder comes before what is installed, once it is loaded."""
        import sys

        path = tmp_path / "student.py"
        path.write_text("def relu(z): return z")
        load_implementation(str(path))
        assert sys.path[0] != str(tmp_path)


class TestCalling:
    """One call at a time, with arrays of its own."""

    def test_reference(self):
        """Every quantity has an array."""
        found = load_implementation("backproof.reference_impl").answer(CASE, PREDICTION)
        assert list(found) == list(CASE.quantities)
        assert all(isinstance(value, np.ndarray | np.generic) for value in found.values())

    def test_missing(self):
        """A missing function is no failure, and says so."""
        problem = answer()[Quantity("loss")]
        assert (problem.cause, problem.fails) == ("there is no function loss", False)

    def test_not_implemented(self):
        """Neither is a network that it does not claim to handle."""

        def relu(z):
            raise NotImplementedError("only sigmoids")

        problem = answer(relu=relu)[Quantity("relu")]
        assert (problem.cause, problem.fails) == ("relu is not implemented for it: only sigmoids", False)

    @pytest.mark.parametrize(
        ("error", "cause"),
        [
            (ValueError("no\nsuch luck"), "backward raised ValueError: no such luck"),
            (RecursionError(), "backward raised RecursionError"),
            (SystemExit(0), "backward raised SystemExit: 0"),
        ],
    )
    def test_raises(self, error, cause):
        """What it raises fails all that the call should have given, in one line."""

        def backward(*_):
            raise error

        found = answer(backward=backward)
        line = backward.__code__.co_firstlineno + 1
        assert causes(found, "dW") == causes(found, "db") == {f"{cause} (test_implementation.py, line {line})"}
        assert found[Quantity("dW", 1)].fails

    def test_keyboard_interrupt_is_the_users(self):
        def relu(z):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            answer(relu=relu)

    def test_changed_arguments(self):
        """An input changed in place is a mistake even where the result is right."""

        def relu(z):
            z[z < 0] = 0
            return z

        def forward(weights, biases, x, activations):
            weights.pop()
            return [x]

        found = answer(relu=relu, forward=forward)
        assert found[Quantity("relu")].cause == "relu changed its argument z"
        assert causes(found, "output") == {"forward changed its argument weights"}
        assert (CASE.x < 0).any()

    @pytest.mark.parametrize(
        ("result", "cause"),
        [
            (None, "forward gave a value of type NoneType, should be a list of 6 arrays"),
            ([], "forward gave a list of 0, should be a list of 6 arrays"),
            (np.zeros((5, 2)), "forward gave a value of type ndarray, should be a list of 6 arrays"),
        ],
    )
    def test_forward_of_the_wrong_length(self, result, cause):
        assert causes(answer(forward=lambda *_: result), "output") == {cause}

    @pytest.mark.parametrize(
        ("result", "dW", "db"),
        [
            ([1], "backward gave a list of 1, should be a pair of lists", None),
            (([1], [2] * 5), "backward gave a list of 1, should be a list of 5 arrays", set()),
            ((3, 4), "backward gave a value of type int, should be a list of 5 arrays", None),
        ],
    )
    def test_backward_of_the_wrong_structure(self, result, dW, db):
        found = answer(backward=lambda *_: result)
        assert causes(found, "dW") == {dW}
        assert causes(found, "db") == ({dW} if db is None else db)

    def test_loss_gets_the_prediction(self):
        """The loss is asked about the prediction that it is given, not about the implementation's own."""
        assert answer(loss=lambda p, y, loss: float(p.sum()))[Quantity("loss")] == PREDICTION.sum()
