"""What runs inside the sandbox: it loads a submission, calls its functions, and sends plain arrays back.

This module is long because it is all that the sandbox has of the grader. It knows the inputs and no expected value, and
nothing it says is believed: the other side rebuilds the arrays and judges them. Once the submission is loaded it shares
this process, and may do to it whatever it likes; the worst that comes of it is the submission's own failure.

A message, in either direction, is two lengths (unsigned, 4 bytes each, little endian), a text in JSON, and arrays in
the format safetensors, named "0", "1", ...: a header in JSON and numbers, which nothing can be made to run from.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import copy
import ctypes
import importlib.machinery
import importlib.util
import json
import math
import operator
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

# The dtypes that cross the boundary, with safetensors' names for them; of others only the name does.
DTYPES = {
    np.dtype(name): code
    for name, code in {
        "float64": "F64",
        "float32": "F32",
        "float16": "F16",
        "int64": "I64",
        "int32": "I32",
        "int16": "I16",
        "int8": "I8",
        "uint8": "U8",
        "bool": "BOOL",
    }.items()
}

# Of an answer that has more, some is described, not sent: bytes of all its arrays, values in it, sequences in
# sequences. That is far more than any right answer has.
MOST_BYTES, MOST_VALUES, DEEPEST = 2**14, 128, 3

# How deep in tables of tables a function is looked for that has to be exchanged.
DEEPEST_HELD = 100

# Of the cells of a notebook that stopped before their end, so many are told.
MOST_STOPS_TOLD = 8

# What `from __future__ import` says of a file, among the flags of its code.
FUTURES = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})

# What modules of a submission are in, for whoever imports them as in a package.
PACKAGE = "handed_in"

# What a worker is told of the submission besides its folder and its file.
ELEMENTARY = ("sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime", "softmax")

SETUP = ("adapter", "names", "cells", "passed", "ends")

# Characters of an error's message, and of a type's or a dtype's name.
MESSAGE_SHOWN, NAME_SHOWN = 300, 80

LAST_LINE = 2**31 - 1

# What is said of a file that goes on and on.
LONG = "what trains or draws belongs below if __name__ == '__main__', which is not run here"

# Code that is run, and the line where it is.
Place = tuple[types.CodeType, int]

# The submission may put something else in their places.
READ, WRITE, ENCODE, DECODE = os.read, os.write, json.JSONEncoder(ensure_ascii=False).encode, json.loads
ARRAY, SCALAR, AS_ARRAY, ERRSTATE = np.ndarray, np.generic, np.asarray, np.errstate

# What a type is called, whatever its metaclass says.
NAME_OF = type.__dict__["__name__"].__get__


class Channel:
    """Messages over two pipes."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers

    def receive(self) -> tuple[Any, dict[str, np.ndarray]]:
        """The next message; raises EOFError when there are no more."""
        lengths = self._read(8)
        text = self._read(int.from_bytes(lengths[:4], "little"))
        return DECODE(text), unpack(self._read(int.from_bytes(lengths[4:], "little")))

    def send(self, message: Any, arrays: list[np.ndarray]) -> None:
        """Send a message with arrays of dtypes that may cross."""
        text, packed = ENCODE(message).encode("utf-8", "replace"), pack(arrays)
        rest = memoryview(len(text).to_bytes(4, "little") + len(packed).to_bytes(4, "little") + text + packed)
        while rest:
            rest = rest[WRITE(self._answers, rest) :]

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = READ(self._requests, min(size, 2**20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def pack(arrays: list[np.ndarray]) -> bytes:
    """Arrays in the format safetensors, under their numbers; nothing at all for no arrays."""
    if not arrays:
        return b""
    entries, parts, start = [], [], 0
    for i, array in enumerate(arrays):
        parts.append(array.tobytes())
        end = start + len(parts[-1])
        dtype, shape = DTYPES[array.dtype], list(array.shape)
        entries.append(f'"{i}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}')
        start = end
    header = ("{" + ",".join(entries) + "}").encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + b"".join(parts)


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """The arrays that `pack`, or the library safetensors, has packed."""
    if not data:
        return {}
    size = int.from_bytes(data[:8], "little")
    names = {code: name for name, code in DTYPES.items()}
    arrays = {}
    for name, entry in DECODE(data[8 : 8 + size]).items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            numbers = np.frombuffer(data[8 + size + start : 8 + size + end], names[entry["dtype"]])
            arrays[name] = numbers.reshape(entry["shape"])
    return arrays


def lock_down(setup: dict[str, Any]) -> None:
    """Give up, for good, whatever the submission must not have: resources, another user's rights, files, system calls.

    Raises OSError where the kernel does not do that.
    """
    limits, uid = setup["limits"], setup["uid"]
    if limits:
        import resource  # which not every system has

        for name, (soft, hard) in limits.items():
            resource.setrlimit(getattr(resource, name), (soft, hard))
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if sys.platform != "linux":
        threading.Thread(target=_leave_with_parent, args=[os.getppid()], daemon=True).start()
        return
    libc = ctypes.CDLL(None, use_errno=True)
    set_parent_death_signal, set_no_new_privileges = 1, 38
    libc.prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
    if setup["readable"] is not None or setup["filter"]:
        libc.prctl(set_no_new_privileges, 1, 0, 0, 0)
    if setup["readable"] is not None:
        _keep_from_files(libc, *setup["readable"])
    if filter_program := bytes.fromhex(setup["filter"]):
        _filter_system_calls(libc, filter_program)


def _leave_with_parent(parent: int) -> None:
    """End as soon as the grader is gone, which is known where the parent is another one then."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


# The number of system calls by which a process gives up files (landlock(7)), the same on every machine; and the first
# version that keeps it from cutting files short as well.
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT, LANDLOCK_LEAST = 444, 445, 446, 3


def landlock_version(libc: ctypes.CDLL) -> int:
    """The kernel's version of Landlock; -1 where there is none."""
    return int(libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def _seem_writable(folder: str | None) -> None:
    """matplotlib cannot be imported without a folder for its settings that it may write to; it has no need to."""
    access = os.access
    if folder is not None:
        import logging

        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it would warn that nothing is kept there
        os.access = lambda path, *rest, **more: path == folder or access(path, *rest, **more)


def _keep_from_files(libc: ctypes.CDLL, whole: list[str], listed: list[str]) -> None:
    """Give up all access to files but for reading these and what is in them, and for listing folders."""
    read_file, read_folder = 1 << 2, 1 << 3
    rights = 15 if landlock_version(libc) < 5 else 16  # of which the last is about devices; an older kernel has fewer

    class Rule(ctypes.Structure):
        _pack_ = 1
        _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))

    handled = ctypes.c_uint64((1 << rights) - 1)
    ruleset = _called(libc, LANDLOCK_CREATE, ctypes.byref(handled), ctypes.c_size_t(8), ctypes.c_uint32(0))
    for paths, allowed in ((whole, read_file | read_folder), (listed, read_folder)):
        for path in paths:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rule = Rule(allowed if os.path.isdir(path) else read_file, place)  # noqa: PTH112 (as quick as can be)
            _called(libc, LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), ctypes.byref(rule), ctypes.c_uint32(0))
            os.close(place)
    _called(libc, LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


def _called(libc: ctypes.CDLL, number: int, *arguments: Any) -> int:
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "files cannot be kept from a process")
    return result


def _filter_system_calls(libc: ctypes.CDLL, program: bytes) -> None:
    """Install a classic BPF program (seccomp(2)); no child can get rid of it."""
    set_seccomp, mode_filter = 22, 2
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    whole = Program(len(program) // 8, ctypes.addressof(code))
    if libc.prctl(set_seccomp, mode_filter, ctypes.byref(whole), 0, 0):
        raise OSError(ctypes.get_errno(), "the system call filter cannot be installed")


class Stop:
    """What a line of the main file raised while it was imported; ends: whether its cell ended there."""

    def __init__(self, error: BaseException, line: int, *, ends: bool) -> None:
        self.error, self.line, self.ends = error, line, ends


class Submission:
    """The submission's modules and functions. An adapter's functions come before its own.

    root: the folder of the submission; main, adapter: paths of the files, where there is an adapter; names: of the
    functions to look for. cells: the lines of the main file with which its cells begin, which run one by one; 1 alone
    for a file that is none of cells. passed: lines of statements that raised before, and ends: lines where a cell
    ended; neither these statements nor what stands below an end in its cell is tried again.
    """

    def __init__(
        self,
        root: str,
        main: str,
        adapter: str | None,
        names: list[str],
        cells: list[int],
        passed: list[int],
        ends: list[int],
    ) -> None:
        self._root, self._main, self._adapter, self._names = Path(root), Path(main), adapter, names
        self._cells, self._passed, self._ends = cells, set(passed), ends
        self.folders = [f"{folder}{os.sep}" for folder in (root, adapter and Path(adapter).parent) if folder]
        self.functions: dict[str, Any] = {}
        self._replacements: dict[str, Callable[..., Any]] = {}
        sys.path[:0] = dict.fromkeys([str(self._main.parent), root])

    def load(self) -> list[Stop]:
        """Import it, anew if need be: whatever it remembered is forgotten.

        A statement that raises is passed over. What it raises is given back, where there are functions all the same,
        and it is not tried again; else it is raised, and so is what an adapter raises.
        """
        for name, module in list(sys.modules.items()):
            if self.owns(getattr(module, "__file__", None)):
                del sys.modules[name]
        module, stops = self._import_main()
        modules = [module]
        if self._adapter:
            modules.insert(0, _import_adapter(self._adapter))
        self.functions = {}
        for module in reversed(modules):
            self.functions |= {name: getattr(module, name) for name in _offered(module, self._names)}
        if stops and not self.functions:
            raise stops[0].error
        for name, trusted in self._replacements.items():
            self._put(name, trusted)
        return stops

    def _import_main(self) -> tuple[types.ModuleType, list[Stop]]:
        """The module of the main file, and what its statements raised.

        Whatever imports it, by the name of its file or as part of a package, gets this very module.
        """
        main, stem = str(self._main), self._main.stem
        module, others = _module("submission", main), [stem] * (stem not in sys.modules)
        stops: list[Stop] = []
        try:
            cells = _cells(main, self._cells)
        except BaseException as error:
            return module, [Stop(error, 0, ends=True)]
        nodes = (node for cell in cells for statement in cell.body for node in ast.walk(statement))
        if any(isinstance(node, ast.ImportFrom) and node.level for node in nodes):
            module.__package__ = self._package()
            module.__spec__ = importlib.machinery.ModuleSpec(f"{module.__package__}.{stem}", None)
            others.append(module.__spec__.name)
        sys.modules.update(dict.fromkeys(others, module))
        for cell, first, after in zip(cells, self._cells, [*self._cells[1:], LAST_LINE], strict=True):
            passed = frozenset(line for line in self._passed if first <= line < after)
            end = min((line for line in self._ends if first <= line < after), default=LAST_LINE)
            stops += self._run(cell.without(passed, end), module)
        self._passed |= {stop.line for stop in stops if not stop.ends}
        self._ends += [stop.line for stop in stops if stop.ends and stop.line]
        return module, stops

    def _run(self, cell: Cell, module: types.ModuleType) -> Iterator[Stop]:
        """What the statements of a cell raise, of which those that do are passed over; whoever exits ends it there."""
        start = 0
        while True:
            try:
                cell.run(module.__dict__, start)
                return
            except BaseException as error:
                line = self.line_of(_passed(error))
                following = cell.after(line)
                # Who exits has had enough; and what is no Python has no statements.
                ends = not following or not isinstance(error, Exception)
                yield Stop(error, line or int(getattr(error, "lineno", 0) or 0), ends=ends)
                if ends:
                    return
                start = max(following, start + 1)  # several may stand in one line

    def _package(self) -> str:
        """The package that the main file is in: the folders of the submission, the whole one among them."""
        inner = self._main.parent.relative_to(self._root).parts
        for folder in [self._root, *(self._root.joinpath(*inner[: i + 1]) for i in range(len(inner)))]:
            name = ".".join([PACKAGE, *folder.relative_to(self._root).parts])
            beginning = folder / "__init__.py"
            package = _module(name, str(beginning))
            package.__path__ = [str(folder)]
            package.__package__ = name
            if beginning.is_file() and beginning != self._main:
                with contextlib.suppress(BaseException):  # what is missing then is told where it is imported
                    exec(compile(_decode(beginning.read_bytes()), beginning, "exec", dont_inherit=True), vars(package))  # noqa: S102
        return name

    def line_of(self, places: Iterable[Place]) -> int:
        """The line of the main file, outside of all functions, that is among these places; 0 for none."""
        main = str(self._main)
        return next((line for code, line in places if code.co_filename == main and code.co_name == "<module>"), 0)

    def last_line(self, places: Iterable[Place]) -> int:
        """The last line that is among these places: of the submission, or else of its adapter; 0 for none."""
        lines = {code.co_filename: line for code, line in places}
        own = [line for path, line in lines.items() if path.startswith(self.folders[0])]
        return [lines.get(str(self._adapter), 0), *own][-1]

    def owns(self, path: object) -> bool:
        """Whether a path is of one of its files."""
        return isinstance(path, str) and path.startswith(tuple(self.folders))

    def replace(self, sources: dict[str, str]) -> None:
        """Put trusted functions, given as source text, in the place of its own wherever these are called from."""
        for name, source in sources.items():
            namespace: dict[str, Any] = {"np": np}
            exec(compile(source, f"<the right {name}>", "exec", dont_inherit=True), namespace)  # noqa: S102 (the grader's own text)
            self._replacements[name] = namespace[name]
            self._put(name, namespace[name])

    def _put(self, name: str, trusted: Callable[..., Any]) -> None:
        """A function keeps its identity and gets other code, so that tables and closures that hold it follow along.

        What cannot get other code, as a decorated function, an object that is called, or what is NumPy's, is exchanged
        where the submission holds it.
        """
        held = {id(module): module for module in list(sys.modules.values())}  # some under several names
        modules = [module for module in held.values() if self.owns(getattr(module, "__file__", None))]
        for module in modules:
            own = getattr(module, name, None)
            function: Any = own.__func__ if isinstance(own, types.MethodType) else own
            code = getattr(function, "__code__", None)
            if code and self.owns(code.co_filename) and not function.__closure__:
                hidden, taken = f"__right_{name}__", "itself, " * (function is not own)
                function.__globals__[hidden] = trusted
                calling = f"lambda {taken}*given, **named: {hidden}(*given, **named)"
                function.__code__ = eval(calling).__code__  # noqa: S307 (made of a name of the contract)
                function.__defaults__ = function.__kwdefaults__ = None
            else:
                setattr(module, name, trusted)
                new = {} if own is None else {id(own): trusted}
                for each in modules if new else ():
                    self._exchange(vars(each), new)
        if name in self.functions:
            self.functions[name] = trusted

    def _exchange(self, held: Any, new: dict[int, Any], depth: int = 0) -> Any:
        """What is to be held: another object, or the same with others in it, in tables, closures and attributes.

        new: what comes in the place of objects, by their identities; of all that was looked at before, too.
        """
        if id(held) in new or depth > DEEPEST_HELD:
            return new.get(id(held), held)
        kind, new[id(held)] = type(held), held

        def other(part: Any) -> Any:
            return self._exchange(part, new, depth + 1)

        if kind is tuple:
            parts = tuple(map(other, held))
            if any(map(operator.is_not, parts, held)):
                new[id(held)] = parts
        elif kind is list:
            held[:] = map(other, held)
        elif kind is dict:
            held.update({key: other(value) for key, value in held.items()})
        elif kind is types.FunctionType and self.owns(held.__code__.co_filename):
            held.__defaults__ = other(held.__defaults__)
            for cell in held.__closure__ or ():
                with contextlib.suppress(ValueError):  # which is empty
                    cell.cell_contents = other(cell.cell_contents)
        elif self._is_made_here(held):
            for key, value in [*getattr(held, "__dict__", {}).items()]:
                if (changed := other(value)) is not value:
                    setattr(held, key, changed)
        return new[id(held)]

    def _is_made_here(self, held: object) -> bool:
        """Whether it is a class of the submission, or an object of one."""
        made = held if isinstance(held, type) else type(held)
        return self.owns(getattr(sys.modules.get(made.__module__), "__file__", None))


def _module(name: str, path: str) -> types.ModuleType:
    """A module of a file, of which nothing has been run yet, among those that are imported."""
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    sys.modules[name] = module = importlib.util.module_from_spec(specification)
    return module


def _offered(module: types.ModuleType, names: list[str]) -> list[str]:
    """The functions that a module has for others: those in its `__all__`, or all of these names.

    But a sigmoid in an adapter with a CONVENTION is more often a helper of its own, as `verify` takes it.
    """
    there = [name for name in names if hasattr(module, name)]
    if module.__name__ != "adapter" or not hasattr(module, "CONVENTION"):
        return there
    named = [name for name in there if name in getattr(module, "__all__", ())]
    return named or [name for name in there if name not in ELEMENTARY] or there


def _import_adapter(path: str) -> types.ModuleType:
    """The module of an adapter, which finds Backproof's helpers beside it, whatever a submission calls its own."""
    module = _module("adapter", path)
    (cell,) = _cells(path, [1])
    for name in [name for name in sys.modules if name.partition(".")[0] == "backproof"]:
        del sys.modules[name]
    sys.path.insert(0, str(Path(path).parent))
    try:
        cell.run(module.__dict__)
    finally:
        sys.path.remove(str(Path(path).parent))
    return module


class Cell:
    """Some lines of a file, which run together: all of a file, or a cell of a notebook.

    body: its statements. error: why there are none, where that is no Python.
    """

    def __init__(self, source: str, path: str, first: int) -> None:
        self.body: list[Any] = []
        self.error: BaseException | None = None
        self._path, self._codes = path, dict[int, types.CodeType]()
        self._others: dict[tuple[frozenset[int], int], Cell] = {}
        try:
            # At the lines where they stand in the file.
            tree: Any = compile("\n" * (first - 1) + source, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            self._codes[0] = compile(tree, path, "exec", dont_inherit=True)
            self.body = tree.body
        except BaseException as error:
            self.error = error

    def run(self, namespace: dict[str, Any], start: int = 0) -> None:
        """Run the statements from that number on, or raise why that cannot be."""
        if self.error is not None:
            raise self.error
        if start not in self._codes:
            self._codes[start] = self._compiled(self.body[start:])
        exec(self._codes[start], namespace)  # noqa: S102 (this is what the sandbox is for)

    def after(self, line: int) -> int:
        """The number of the statement after the one with that line; 0 where none has it."""
        for number, statement in enumerate(self.body):
            first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))])
            if first <= line <= statement.end_lineno:
                return number + 1
        return 0

    def without(self, passed: frozenset[int], end: int) -> Cell:
        """The same without the statements that have one of these lines, and without what stands at a line or below."""
        if self.error is not None or (not passed and end == LAST_LINE):
            return self
        if (passed, end) not in self._others:
            dropped = {self.after(line) - 1 for line in passed}
            kept = (statement for number, statement in enumerate(self.body) if number not in dropped)
            other = copy.copy(self)
            other.body = [statement for statement in kept if statement.end_lineno < end]
            other._codes, other._others = {0: self._compiled(other.body)}, {}
            self._others[passed, end] = other
        return self._others[passed, end]

    def _compiled(self, body: list[Any]) -> types.CodeType:
        """Some of its statements, with what the whole says by `from __future__ import`."""
        flags = self._codes[0].co_flags & FUTURES
        return compile(ast.Module(body, []), self._path, "exec", flags, dont_inherit=True)


_read: dict[tuple[str, int], Cell] = {}


def _cells(path: str, firsts: list[int]) -> list[Cell]:
    """The cells of a file that begin with these lines."""
    lines = _decode(Path(path).read_bytes()).split("\n")
    cells = []
    for first, after in zip(firsts, [*firsts[1:], LAST_LINE], strict=True):
        if (path, first) not in _read:
            _read[path, first] = Cell("\n".join(lines[first - 1 : after - 1]), path, first)
        cells.append(_read[path, first])
    return cells


def _decode(source: bytes) -> str:
    """The text of a source file, whatever encoding it declares; raises SyntaxError where it is none."""
    if b"\0" in source:
        raise SyntaxError(
            "this is not text: it contains null bytes", ("", source.count(b"\n", 0, source.index(b"\0")) + 1, 0, "")
        )
    try:
        return importlib.util.decode_source(source)
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        what = f"this is not text in {error.encoding}: a byte 0x{source[error.start]:02x}"
        raise SyntaxError(what, ("", line, 0, "")) from error


def _passed(error: BaseException) -> Iterator[Place]:
    """The places that an error passed, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code, trace.tb_lineno
        trace = trace.tb_next


def _reached(frame: types.FrameType | None) -> Iterator[Place]:
    """The places that a frame was reached through, the innermost first."""
    while frame is not None:
        yield frame.f_code, frame.f_lineno
        frame = frame.f_back


def describe_error(error: BaseException, submission: Submission) -> dict[str, Any]:
    """An error's type, its message in one line and cut, and the last line of the submission that it passed."""
    line = submission.last_line(_passed(error))
    text = ""
    with contextlib.suppress(BaseException):  # which what is the submission's own may raise
        text = str(error)
        if isinstance(error, SyntaxError):
            line, text = int(error.lineno or 0), str(error.msg)
    message = " ".join(text[: 10 * MESSAGE_SHOWN].split())[:MESSAGE_SHOWN]
    return _raised(
        _name(type(error)), message, min(max(line, 0), LAST_LINE), unimplemented=isinstance(error, NotImplementedError)
    )


def _raised(kind: str, message: str, line: int, *, unimplemented: bool = False) -> dict[str, Any]:
    return {"is": "raised", "type": kind, "message": message, "line": line, "unimplemented": unimplemented}


def _name(kind: type) -> str:
    return NAME_OF(kind)[:NAME_SHOWN]


def extent(shape: tuple[int, ...]) -> int:
    """How many bytes an array of that shape has at most, were no dimension of it empty."""
    return 8 * math.prod(max(size, 1) for size in shape)


class Description:
    """What a result is, in JSON: arrays and floats by their numbers among `arrays`, sequences, names of all else."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._bytes = self._values = 0

    def of(self, value: Any, depth: int = 0) -> list[Any]:
        """What a value is."""
        self._values += 1
        kind = type(value)
        if issubclass(kind, (ARRAY, SCALAR)):
            plain = AS_ARRAY(value)
            if plain.dtype not in DTYPES or self._bytes + extent(plain.shape) > MOST_BYTES:
                return ["other array", list(plain.shape), str(plain.dtype)[:NAME_SHOWN]]
            return ["array", self._number(plain)]
        if kind is float:
            return ["float", self._number(AS_ARRAY(value))]
        if kind in (list, tuple):
            if self._values + len(value) > MOST_VALUES or depth == DEEPEST:
                return ["other", _name(kind), len(value)]
            return [_name(kind), [self.of(part, depth + 1) for part in value]]
        return ["other", _name(kind), None]

    def _number(self, plain: np.ndarray) -> int:
        self.arrays.append(plain)
        self._bytes += extent(plain.shape)
        return len(self.arrays) - 1


def _snapshot(value: Any) -> Any:
    """What has to be the same after a call."""
    if type(value) is list:
        return [(id(part), _snapshot(part)) for part in value]
    return (value.shape, value.tobytes()) if type(value) is ARRAY else value


class Worker:
    """Answers requests, one after the other, until there are no more."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._process = channel, os.getpid()
        setup, _ = channel.receive()
        lock_down(setup)
        channel.send({"is": "locked"}, [])
        _seem_writable(os.environ.get("MPLCONFIGDIR"))
        main = os.fsdecode(bytes.fromhex(setup["main"]))
        root = os.fsdecode(bytes.fromhex(setup["root"]))
        self._submission = Submission(root, main, *(setup[key] for key in SETUP))
        with self._in_time(*setup["seconds"]):
            loaded = self._load()
        channel.send(loaded, [])

    def run(self) -> None:
        """Serve; a request is a call, or names functions to replace, or wishes everything loaded anew."""
        while True:
            request, arrays = self._channel.receive()
            if "replace" in request:
                self._submission.replace(request["replace"])
            if "fresh" in request:
                self._channel.send(self._load(), [])
            if "call" in request:
                number, function, dtype = request["call"]
                message, found = self._call(function, dtype, arrays["0"], request["arguments"])
                if os.getpid() != self._process:  # the submission has forked: one of the two goes on
                    os._exit(1)
                self._channel.send([number, message], found)

    def _load(self) -> Any:
        """That the submission has been imported, or what stopped that after some functions, or why it cannot be."""
        try:
            stops = self._submission.load()
        except BaseException as error:
            return describe_error(error, self._submission)
        if not stops:
            return {"is": "loaded"}
        told = [
            (describe_error(stop.error, self._submission), stop.line, stop.ends) for stop in stops[:MOST_STOPS_TOLD]
        ]
        return {"is": "stopped", "stops": told, "ended": False}

    @contextlib.contextmanager
    def _in_time(self, computing: float, passing: float) -> Iterator[None]:
        """Tell where the submission is, and end, once it has computed or taken so many seconds.

        Nothing is raised in it, which it might catch; and a later worker imports it up to that line.
        """
        if not hasattr(signal, "setitimer"):
            yield
            return

        def tell(number: int, frame: types.FrameType | None) -> None:
            what = f"{computing:g} s of processor time" if number == signal.SIGPROF else f"{passing:g} s"
            line = self._submission.line_of(_reached(frame))
            raised = _raised(f"more than {what}", LONG, line)
            self._channel.send({"is": "stopped", "stops": [(raised, line, True)], "ended": True}, [])
            os._exit(0)

        timers = {signal.ITIMER_PROF: (signal.SIGPROF, computing), signal.ITIMER_REAL: (signal.SIGALRM, passing)}
        before = {number: signal.signal(number, tell) for number, _ in timers.values()}
        for timer, (_, seconds) in timers.items():
            signal.setitimer(timer, seconds)
        yield
        for timer in timers:
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)

    def _call(
        self,
        name: str,
        dtype: str,
        numbers: np.ndarray,
        arguments: list[Any],
        snapshot: Callable[[Any], Any] = _snapshot,  # whatever is put in its place
    ) -> tuple[Any, list[np.ndarray]]:
        """What a call gives, described, and the arrays in it."""
        if name not in self._submission.functions:
            return {"is": "missing"}, []
        function = self._submission.functions[name]
        values = [argument_of(argument, numbers, dtype) for argument in arguments]
        before = [snapshot(value) for value in values]
        try:
            with ERRSTATE(all="ignore"):
                result = function(*values)
            if changed := [i for i, value in enumerate(values) if snapshot(value) != before[i]]:
                return {"is": "changed", "arguments": changed}, []
            description = Description()
            return {"is": "result", "value": description.of(result)}, description.arrays
        except BaseException as error:
            return describe_error(error, self._submission), []


def argument_of(argument: Any, numbers: np.ndarray, dtype: str) -> Any:
    """An argument from its description: where an array's numbers begin and its shape, a list, or a value as it is."""
    if type(argument) is list:
        start, *shape = argument
        return numbers[start : start + math.prod(shape)].astype(dtype).reshape(shape)
    if "list" in argument:
        return [argument_of(part, numbers, dtype) for part in argument["list"]]
    return argument_of(argument["whole"], numbers, "int64") if "whole" in argument else argument["value"]


def main() -> None:
    """Take the two pipes out of the submission's sight, and serve."""
    channel = Channel(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    with contextlib.suppress(EOFError):
        Worker(channel).run()
    os._exit(0)


if __name__ == "__main__":
    main()
