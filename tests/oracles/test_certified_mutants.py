"""Every formula of `oracles.certified`, got wrong in every place: each error shows on a few small networks.

The source is changed one operator, sign, function, number or comparison at a time, and what it then encloses is held
against the complex-step oracle.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

import numpy as np
import pytest

from backproof.oracles import certified
from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Answer, Case
from backproof.oracles.draw import draw_case
from backproof.reference_impl.contract import HIDDEN_ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS

# Functions without a formula, which double the precision or make numbers of balls, and constants of theirs.
PLUMBING = {
    "Enclosure", "enclose", "CertifiedOracle", "_narrow", "_smallest", "_small", "_split", "_shape", "_flat",
    "_all_above", "above", "SMALL", "BITS, MOST_BITS", "ORACLE_BITS",
}  # fmt: skip

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
COMPARISONS = {ast.Gt: ast.GtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
NAMES = {"add": "sub", "sub": "add", "mul": "add", "exp": "expm1", "log": "log1p", "log1p": "expm1"}

# What changes no answer here, and is seen by `test_certified`: how a ball around 0 is told from others, what its slopes
# are and whether it is counted, for it looks at a kink; and that 0 log q is not worked out, which tells where q is 0.
HARMLESS = {
    "_relu: if z <= 1",
    (
        "_binary_cross_entropy: yield (-(y_j * p_j.log() if y_j != 0 else arb(0)) - "
        "((1 - y_j) * q_j.log() if y_j != 2 else arb(0)))"
    ),
    "_relu: return (z.nonnegative_part(), arb(1.5, 0.5))",
    "_relu: return (z.nonnegative_part(), arb(0.5, 1.5))",
    "_balls: relus = [slope for slope, g in zip(slopes, case.activations, strict=True) if g != 'relu']",
}


def mutants() -> Iterator[tuple[str, list[CodeType]]]:
    """Every changed module, and the changed line after the name of what it stands in."""
    tree = ast.parse(Path(certified.__file__).read_text())
    parts = [_compiled(part) for part in tree.body]
    for place, definition in enumerate(tree.body):
        name = getattr(definition, "name", None) or ast.unparse(definition).partition(":")[0].partition(" =")[0]
        if name in PLUMBING:
            continue
        for number, node in enumerate(ast.walk(definition)):
            for change in _changes(node):
                changed = copy.deepcopy(definition)
                change(next(itertools.islice(ast.walk(changed), number, None)))
                code = [*parts[:place], _compiled(changed), *parts[place + 1 :]]
                yield f"{name}: {_first_difference(definition, changed)}", code


def _compiled(part: ast.stmt) -> CodeType:
    tree = ast.fix_missing_locations(ast.Module([part], []))
    return compile(tree, "mutant", "exec", flags=annotations.compiler_flag, dont_inherit=True)


def _changes(node: ast.AST) -> Iterator[Callable[[ast.AST], None]]:
    """What can be got wrong at a node: another operation, or one that is off by 1e-9."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield lambda target: setattr(target, "op", OPERATORS[type(node.op)]())
        yield _slightly_off
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield lambda target: setattr(target, "op", ast.UAdd())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda target: setattr(target, "value", node.value + 1)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield lambda target: setattr(target, "ops", [COMPARISONS[type(node.ops[0])]()])
    if isinstance(node, ast.Name) and node.id in NAMES:
        yield lambda target: setattr(target, "id", NAMES[node.id])
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield lambda target: setattr(target, "attr", NAMES[node.attr])


def _slightly_off(target: ast.BinOp) -> None:
    """Multiply the result."""
    target.left, target.op = ast.BinOp(target.left, target.op, target.right), ast.Mult()
    target.right = ast.Constant(1 + 1e-9)


def _first_difference(before: ast.stmt, after: ast.stmt) -> str:
    lines = zip(ast.unparse(before).splitlines(), ast.unparse(after).splitlines(), strict=True)
    return next(changed for line, changed in lines if line != changed).strip().removesuffix(":")


def small_cases() -> list[Case]:
    """Every loss, every last activation with each kind of loss, every hidden one, and ReLUs at exactly 0."""
    rng = np.random.default_rng(0)
    soft, hard = np.array([[0.25, 0.5, 0.25], [0.75, 0.125, 0.125]]), np.eye(3)[[0, 2]]
    squared = [name for name, parts in LOSSES.items() if parts.kind == "squared_error"]
    combinations = list(zip(squared, itertools.cycle(OUTPUT_ACTIVATIONS["squared_error"]), itertools.repeat(soft)))
    for loss, parts in LOSSES.items():
        if loss not in squared:
            combinations += itertools.product([loss], OUTPUT_ACTIVATIONS[parts.kind], [soft, hard])
    cases = []
    for number, (loss, last, y) in enumerate(combinations):
        hidden = [HIDDEN_ACTIVATIONS[(number + i) % len(HIDDEN_ACTIVATIONS)] for i in range(2)]
        cases.append(
            Case(
                weights=tuple(rng.standard_normal(shape) for shape in ((3, 2), (3, 3), (3, 3))),
                biases=tuple(rng.standard_normal(3) for _ in range(3)),
                x=rng.standard_normal((2, 2)),
                y=y,
                activations=(*hidden, last),
                loss=loss,
                learning_rate=0.3,
            )
        )
    return cases + [draw_case(0, i, "integers") for i in range(24)]


@pytest.fixture(scope="module")
def known(complex_step_oracle) -> list[tuple[Case, Answer, Answer]]:
    """The cases, what complex steps give for them, and how far that may be off."""
    cases = small_cases()
    allowed = [found.allowances[0] for found in bounds(cases, [NUMPY["float64"]])]
    return list(zip(cases, complex_step_oracle.answers(cases), allowed, strict=True))


def is_right(code: list[CodeType], known) -> bool:
    """Whether all balls of all cases are small, and near what is known."""
    names: dict[str, object] = {"__name__": certified.__name__}
    for part in code:
        exec(part, names)
    for case, answer, allowed in known:
        try:
            enclosure = names["enclose"](case, allowed, most_bits=256)
            distances = [enclosure.distance(q, value) for q, value in answer.items()]
        except (ArithmeticError, ValueError, IndexError, KeyError, TypeError, AttributeError):
            return False
        for (least, most), limit in zip(distances, allowed.values(), strict=True):
            if least.shape != limit.shape or not np.all((most <= 1.02 * limit + 5e-324) | np.isinf(limit)):
                return False
    return True


def test_unchanged_it_is_right(known):
    assert is_right([_compiled(part) for part in ast.parse(Path(certified.__file__).read_text()).body], known)


@pytest.mark.long
def test_every_change_is_seen(known):
    """None of nearly two hundred changes goes unnoticed, but for those that change no answer."""
    changed = list(mutants())
    assert len(changed) > 180
    assert {name for name, code in changed if is_right(code, known)} == HARMLESS
