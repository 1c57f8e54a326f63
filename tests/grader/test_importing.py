"""What of a file is there once it has been imported, whatever its lines do."""

import contextlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import backproof
from backproof.grader.sandbox import worker
from backproof.grader.sandbox.worker import Submission
from tests.grader.conftest import needs_bubblewrap
from tests.grader.students import RIGHT

NAMES = ["relu", "loss", "softmax", "other"]
STATEMENTS = st.one_of(
    st.sampled_from(NAMES).map(lambda name: f"def {name}(z): return z"),
    st.sampled_from(NAMES).map(lambda name: f"@absent\ndef {name}(z):\n    return z"),
    st.sampled_from(NAMES).map(lambda name: f"{name} = 1; 1 / 0; {name} = 2"),
    st.sampled_from(
        ["1 / 0", "import absent", "for i in range(3):\n    i / 0", "x: int = 1", "del x", "pass", "class A: ..."]
    ),
    st.sampled_from(["raise SystemExit", "if False:\n    raise SystemExit"]),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("importing") / "mine.py"


def expected(statements):
    """What is there where each statement is run by itself, until one exits."""
    namespace = {}
    for statement in statements:
        for part in statement.split("; "):
            try:
                with contextlib.suppress(Exception):
                    exec(part, namespace)
            except SystemExit:
                return namespace
    return namespace


@given(statements=st.lists(STATEMENTS, max_size=12))
def test_each_line_by_itself(statements, path):
    """What raises is passed over, and importing it again finds the same."""
    source = "\n".join(["from __future__ import annotations", *statements, ""])
    path.write_text(source)
    before, path_before = dict(sys.modules), list(sys.path)
    try:
        whole = Submission(str(path.parent), str(path), None, NAMES, [1], [], [])
        wanted = {name for name in NAMES if name in expected(statements)}
        for _ in range(2):
            try:
                stops = whole.load()
            except BaseException:  # where there is nothing else
                assert not wanted
                return
            assert set(whole.functions) == wanted
        assert all(stop.ends == isinstance(stop.error, SystemExit) for stop in stops)
    finally:
        sys.modules.clear()
        sys.modules.update(before)
        sys.path[:] = path_before
        worker._read.clear()


@needs_bubblewrap
def test_what_was_passed_over_is_not_there(tmp_path):
    """And why is said of it; what else is needed is there."""
    source = RIGHT.replace("def relu(z):", "@jit\ndef relu(z):").replace("import numpy", "import numba\nimport numpy")
    (tmp_path / "mine.py").write_text(source)
    found = backproof.grade(tmp_path / "mine.py", out=tmp_path / "out").functions
    assert found["relu"].status == "missing"
    assert "what was passed over is not there: ModuleNotFoundError in line 2" in found["relu"].cause
    assert found["backward"].points == found["backward"].max_points
