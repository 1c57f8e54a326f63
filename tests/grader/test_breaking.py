"""No point for breaking: a function that is left out, wrong, hangs or ends the program costs its own points alone."""

import ast
from decimal import Decimal

import msgspec
import pytest

from backproof.grader.assignment import UseLimits
from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
from tests.grader.conftest import SMALL, needs_bubblewrap
from tests.grader.students import RIGHT
from tests.quick import first

BROKEN = {
    "hangs": "while True: pass",
    "left out": None,
    "wrong": "return None",
    "raises": "raise ValueError('no')",
    "ends the program": "import os; os._exit(0)",
    "sleeps": "import time; time.sleep(1000)",
    "out of memory": "return np.ones(10**10)",
    "changes its arguments": "given[0][0] *= 0; return 1",
    "not written": "raise NotImplementedError",
}
WRAPPED = {
    "plain": "def {name}(*given):\n    {body}\n",
    "decorated": (
        "import functools\ndef decorated(f):\n    @functools.wraps(f)\n    def inner(*given):\n"
        "        return f(*given)\n    return inner\n@decorated\ndef {name}(*given):\n    {body}\n"
    ),
    "called": "class Made:\n    def __call__(self, *given):\n        {body}\n{name} = Made()\n",
    "method": "class Functions:\n    def {name}(self, *given):\n        {body}\n{name} = Functions().{name}\n",
    "partial": "import functools\ndef broken(c, *given):\n    {body}\n{name} = functools.partial(broken, 1)\n",
    "lambda": "def broken(*given):\n    {body}\n{name} = lambda *given: broken(*given)\n",
}
HURRIED = msgspec.structs.replace(
    SMALL, limits=UseLimits(call_seconds=0.1, total_seconds=30, wall_factor=2, memory_mb=512)
)


def broken(name: str, body: str | None, how: str) -> str:
    """The right submission with one function broken, or left out."""
    tree = ast.parse(RIGHT)
    (own,) = (part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == name)
    lines = RIGHT.splitlines(keepends=True)
    other = "" if body is None else WRAPPED[how].replace("{name}", name).replace("{body}", body)
    return "".join([*lines[: own.lineno - 1], other, *lines[own.end_lineno :]])


TRIED = [(name, kind, "plain") for kind in BROKEN for name in SMALL.functions]
TRIED += [(name, "hangs", how) for how in WRAPPED if how != "plain" for name in ("sigmoid", "softmax", "forward")]


@needs_bubblewrap
@pytest.mark.parametrize(("name", "kind", "how"), first(3, TRIED))
def test_breaking_one_costs_its_own_points(name, kind, how, small_key_file, tmp_path):
    (tmp_path / "student.py").write_text(broken(name, BROKEN[kind], how))
    found = grade_submission(find_submission(tmp_path / "student.py"), HURRIED, small_key_file)
    lost = {function for function, each in found.functions.items() if each.points < each.max_points}
    assert lost == {name}
    assert Decimal(str(found.score)) == 100 - getattr(SMALL.points, name)


def test_zeros_are_no_mistake_of_everybody(judge_text):
    """Nor is a factor: what each function is off by costs each its points."""
    for factors in ((0, 0, 0), (2, -5, 2)):
        text = RIGHT
        for name, factor in zip(("sigmoid", "relu", "softmax"), factors, strict=True):
            text += f"\nright_{name} = {name}\ndef {name}(z):\n    return {factor} * right_{name}(z)\n"
        grades = judge_text(text)
        assert [grades[name].points for name in ("sigmoid", "relu", "softmax")] == [0, 0, 0]


@needs_bubblewrap
def test_being_slow_costs_what_being_wrong_does(small_key_file, tmp_path):
    """Where there is no time for all networks, those of each loss are among them."""
    wrong = "\nright_loss = loss\ndef loss(p, y, name):\n    {}\n"
    wrong += "    return right_loss(p, y, name) if name[0] == 'h' else 7.0\n"
    scores = []
    for slow in ("import time; e = time.process_time() + 0.05\n    while time.process_time() < e: pass", "pass"):
        (tmp_path / "student.py").write_text(RIGHT + wrong.replace("{}", slow))
        limits = UseLimits(total_seconds=30)
        assignment = msgspec.structs.replace(SMALL, limits=limits)
        found = grade_submission(find_submission(tmp_path / "student.py"), assignment, small_key_file)
        scores.append(found.functions["loss"].points)
    slow, quick = scores
    assert slow <= quick == 4


@needs_bubblewrap
@pytest.mark.parametrize("kind", first(1, BROKEN))
def test_breaking_all_that_others_call(kind, small_key_file, tmp_path):
    """What calls several broken functions keeps its points as well."""
    text, names = RIGHT, ("sigmoid", "softmax", "relu")
    tree = {part.name: part for part in ast.parse(RIGHT).body if isinstance(part, ast.FunctionDef)}
    for name in names:
        body = BROKEN[kind]
        other = "" if body is None else f"def {name}(*given):\n    {body}"
        text = text.replace(ast.get_source_segment(RIGHT, tree[name]), other)
    (tmp_path / "student.py").write_text(text)
    found = grade_submission(find_submission(tmp_path / "student.py"), HURRIED, small_key_file)
    lost = {function for function, each in found.functions.items() if each.points < each.max_points}
    assert lost == set(names)
