"""Mutants of `reference_impl`: copies of it with one small change each, made on the syntax tree.

Why not a tool that is kept by others: mutmut 3 and cosmic-ray 8 both start a test process for each mutant, which takes
seconds where a whole judgement takes milliseconds; neither says after how many networks a mutant was caught; mutmut
leaves tables such as `LOSSES` alone, and both know nothing of what goes wrong in this field: a transpose forgotten, an
operand left out, arguments in the wrong order, a mean for a sum, one array taken for another. Their other changes
(operators, comparisons, numbers, truth values, conditions, statements) are made here too.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from backproof import reference_impl

ROOM = "reference_impl"
PACKAGE = f"backproof.{ROOM}"
MODULES = ("contract", "activations", "losses", "network", "descent")

# Of the contract's module, what an implementation computes with; the rest says what an implementation is.
OF_THE_CONTRACT = ("Loss", "LOSSES", "find_loss")

COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
TWINS = [("sum", "mean"), ("max", "min"), ("maximum", "minimum"), ("exp", "expm1"), ("log", "log1p")]
TWINS += [("ones_like", "zeros_like"), ("abs", "square"), ("tanh", "arctan")]
TWIN = {**dict(TWINS), **{b: a for a, b in TWINS}}


@dataclass(frozen=True)
class Mutant:
    """A change to one place.

    name: module, function, and the changed expression before and after, with a number where that is not unique. lines:
    of the statement that was changed.
    """

    module: str
    function: str
    lines: range
    code: CodeType
    name: str


def mutants() -> list[Mutant]:
    """All mutants, in the order of the source; no two of them have the same code."""
    return [mutant for module in MODULES for mutant in _mutants(module)]


def unchanged() -> Mutant:
    """No mutant at all: what tests have to pass on."""
    return Mutant("", "", range(0), original("__init__"), "")


@contextmanager
def imported(mutant: Mutant) -> Iterator[ModuleType]:
    """The package with the mutant in it under its own name, for as long as the context lasts.

    Raises whatever importing it raises.
    """
    kept, around = {name: sys.modules.pop(name) for name in _ours()}, sys.modules["backproof"]
    try:
        package = ModuleType(PACKAGE)
        setattr(around, ROOM, package)  # where `from backproof import reference_impl` looks
        package.__path__ = list(reference_impl.__path__)  # where what is no part of the contract is found
        sys.modules[PACKAGE] = package
        for name in MODULES:
            module = ModuleType(f"{PACKAGE}.{name}")
            setattr(package, name, module)
            _run(module, mutant.code if name == mutant.module else original(name))
        _run(package, original("__init__"))
        yield package
    finally:
        for name in _ours():
            del sys.modules[name]
        sys.modules.update(kept)
        setattr(around, ROOM, kept[PACKAGE])


def _ours() -> list[str]:
    """The names under which the package and its modules are imported."""
    return [name for name in sys.modules if f"{name}.".startswith(f"{PACKAGE}.")]


@contextmanager
def planted(mutant: Mutant, name: str) -> Iterator[None]:
    """The package with the mutant in it under another name, for as long as the context lasts; raises as `imported`."""
    with imported(mutant) as package:
        pass
    sys.modules[name] = package
    try:
        yield
    finally:
        del sys.modules[name]


def _run(module: ModuleType, code: CodeType) -> None:
    sys.modules[module.__name__] = module
    exec(code, module.__dict__)  # noqa: S102


def _source(module: str) -> str:
    return (Path(reference_impl.__file__).parent / f"{module}.py").read_text(encoding="utf-8")


@functools.cache
def original(module: str) -> CodeType:
    """The code of a module as it is."""
    return compile(_source(module), f"{module}.py", "exec")


def _mutants(module: str) -> Iterator[Mutant]:
    """The mutants of one module: each change is made in the tree, compiled, and taken back."""
    tree = ast.parse(_source(module))
    seen, names = {_fingerprint(original(module))}, dict[str, int]()
    for place in _places(tree, module):
        before = place.node
        for after in _changes(place):
            place.put(after)
            code = _compiled(tree, module)
            place.put(before)
            if code is None or (fingerprint := _fingerprint(code)) in seen:
                continue
            seen.add(fingerprint)
            name = f"{module}.{place.function}: {_text(before)} -> {_text(after)}"
            names[name] = names.get(name, 0) + 1
            if names[name] > 1:
                name += f" ({names[name]})"
            yield Mutant(module, place.function, place.lines, code, name)


def _compiled(tree: ast.Module, module: str) -> CodeType | None:
    """The code of a tree, or nothing where it is no program."""
    try:
        return compile(ast.fix_missing_locations(tree), f"{module}.py", "exec")
    except SyntaxError:
        return None


def _fingerprint(code: CodeType) -> str:
    """What a code object does: its instructions, names and constants, without places in the source."""
    constants = [_fingerprint(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants))


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


@dataclass(frozen=True)
class Place:
    """A node, where it hangs in the tree, its statement's lines, and the local names of the function that it is in."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    function: str
    lines: range
    names: tuple[str, ...]

    def put(self, node: ast.AST) -> None:
        """Hang another node where this one is."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _places(tree: ast.Module, module: str) -> Iterator[Place]:
    """Everything that may be changed: no imports, annotations, docstrings, type aliases, nor what an error says."""
    for statement in tree.body:
        name = _defined(statement)
        if module == "contract" and name not in OF_THE_CONTRACT:
            continue
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign):
            yield from _walk(statement, name, _lines(statement), ())


def _defined(statement: ast.stmt) -> str:
    """What a statement at the top of a module defines, if anything."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


UNTOUCHED = {"annotation", "returns", "decorator_list", "args", "bases", "targets", "target", "type_params"}


def _walk(parent: ast.AST, function: str, lines: range, names: tuple[str, ...]) -> Iterator[Place]:
    if isinstance(parent, ast.FunctionDef):
        local = [node.id for node in ast.walk(parent) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
        given = (argument.arg for argument in [*parent.args.args, *parent.args.kwonlyargs])
        names = tuple(dict.fromkeys([*given, *local]))
    for field, value in ast.iter_fields(parent):
        if field in UNTOUCHED and not (field == "args" and isinstance(parent, ast.Call)):
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or isinstance(node, ast.Raise) or _is_docstring(node):
                continue
            if isinstance(node, ast.FunctionDef):
                yield from _walk(node, f"{function}.{node.name}", lines, names)
                continue
            its_lines = _lines(node) if isinstance(node, ast.stmt) else lines
            yield Place(node, parent, field, index, function, its_lines, names)
            yield from _walk(node, function, its_lines, names)


def _lines(statement: ast.stmt) -> range:
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(place: Place) -> Iterator[ast.AST]:
    """What may stand in a node's place instead."""
    node = place.node
    match node:
        case ast.BinOp():
            yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
            yield from (node.left, node.right)
            if isinstance(node.op, ast.MatMult | ast.Sub | ast.Div):
                yield ast.BinOp(node.right, node.op, node.left)
        case ast.UnaryOp():
            yield node.operand
        case ast.Compare(ops=[operator]):
            others = COMPARISONS if isinstance(operator, COMPARISONS) else ()
            yield from (
                ast.Compare(node.left, [other()], node.comparators) for other in others if type(operator) is not other
            )
        case ast.Constant():
            yield from (ast.Constant(value) for value in _other_values(node.value))
        case ast.Attribute() if isinstance(node.ctx, ast.Load):
            if node.attr == "T":
                yield node.value
            elif node.attr in TWIN:
                yield ast.Attribute(node.value, TWIN[node.attr], node.ctx)
        case ast.Name() if isinstance(node.ctx, ast.Load) and node.id in place.names:
            yield from (ast.Name(name, node.ctx) for name in place.names if name != node.id)
        case ast.Call():
            yield from _other_calls(node)
        case ast.Slice():
            yield from (ast.Slice(*parts) for parts in {(None, node.upper), (node.lower, None)} if any(parts))
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield from (ast.BoolOp(other, node.values), *node.values)
        case ast.List() | ast.Tuple() if isinstance(node.ctx, ast.Load):
            yield from (type(node)(elements, node.ctx) for elements in _other_orders(node.elts))
        case ast.Dict():
            yield from (ast.Dict(node.keys, values) for values in _swapped(node.values))
        case ast.If():
            yield from (ast.If(ast.Constant(value), node.body, node.orelse) for value in (True, False))
        case ast.Assign() | ast.AugAssign() | ast.Expr() | ast.For():
            yield ast.Pass()


def _other_values(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1, 2 * value)
    elif isinstance(value, str):
        yield f"{value}_"


def _other_calls(call: ast.Call) -> Iterator[ast.AST]:
    """An argument for the call, what a method is called on for it; arguments swapped, a keyword left out."""
    yield from call.args[:1]
    if isinstance(call.func, ast.Attribute) and not (
        isinstance(call.func.value, ast.Name) and call.func.value.id == "np"
    ):
        yield call.func.value
    yield from (ast.Call(call.func, arguments, call.keywords) for arguments in _swapped(call.args))
    for i in range(len(call.keywords)):
        yield ast.Call(call.func, call.args, call.keywords[:i] + call.keywords[i + 1 :])


def _other_orders(elements: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """One element left out, or two neighbours swapped."""
    yield from (elements[:i] + elements[i + 1 :] for i in range(len(elements)))
    yield from _swapped(elements)


def _swapped(elements: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """Two neighbours swapped."""
    for i, (a, b) in enumerate(pairwise(elements)):
        yield [*elements[:i], b, a, *elements[i + 2 :]]
