"""Submissions that attack, by accident or on purpose: each with what has to become of it.

This module is long because it is a list. Every one has a right `relu` and `relu_prime` and does its mischief on being
imported, or in `sigmoid`; so that what else it can do is seen to be judged all the same.
"""

from __future__ import annotations

from typing import NamedTuple

RELUS = """
import numpy as np

def relu(z):
    return np.maximum(z, 0)

def relu_prime(z):
    return (z > 0).astype(z.dtype)
"""


class Hostile(NamedTuple):
    """A submission. cause: a part of what is said of its sigmoid; under_limits: the same with --sandbox limits.

    imports: whether the file can be imported all the same, so that its other functions are right. sigmoid_passes: whether
    the mischief does no harm. seconds: how long a call may take.
    """

    name: str
    source: str | bytes
    cause: str
    imports: bool = True
    sigmoid_passes: bool = False
    seconds: float = 20
    under_limits: str | None = None


def in_sigmoid(body: str) -> str:
    """A submission that runs these lines when its sigmoid is called."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"{RELUS}\ndef sigmoid(z):\n{lines}    return 1 / (1 + np.exp(-z))\n"


def on_import(body: str) -> str:
    """A submission that runs these lines when it is imported, after its functions are defined."""
    return f"{in_sigmoid('pass')}\n{body.strip()}\n"


# What the forgers need: to find the worker's channel among the open files.
FIND_CHANNEL = """
import json, os, stat, struct
def say(text):
    text = text.encode()
    for fd in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, struct.pack("<II", len(text), 0) + text)
        except OSError:
            pass
"""

HOSTILE = [
    # Time.
    Hostile(
        "infinite loop",
        in_sigmoid("while True: pass"),
        "took longer than 0.2 s of processor time and was stopped",
        seconds=0.2,
    ),
    Hostile(
        "sleep",
        in_sigmoid("import time; time.sleep(3600)"),
        "gave no answer within 1 s, did little meanwhile",
        seconds=0.2,
    ),
    Hostile(
        "infinite loop on import",
        on_import("while True: pass"),
        "",
        sigmoid_passes=True,
        seconds=0.2,
    ),
    Hostile(
        "infinite loop on import without a clock",
        on_import(
            "import signal\nfor s in (signal.SIGALRM, signal.SIGPROF): signal.signal(s, signal.SIG_IGN)\nwhile True: pass"
        ),
        "while it was imported, the file took longer than 1.2 s",
        imports=False,
        seconds=0.2,
    ),
    Hostile(
        "swallowed timeout",
        in_sigmoid(
            "import signal\nfor s in (15, 14, 10, 2): signal.signal(s, signal.SIG_IGN)\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"
        ),
        "took longer than 0.2 s of processor time and was stopped",
        seconds=0.2,
    ),
    Hostile(
        "catastrophic result",
        in_sigmoid("class Slow:\n    def __del__(self):\n        while True: pass\nSlow()"),
        "took longer than 0.2 s",
        seconds=0.2,
    ),
    # Recursion and memory.
    Hostile(
        "recursion",
        in_sigmoid("return sigmoid(z)"),
        "sigmoid raised RecursionError in line 11: maximum recursion depth",
    ),
    Hostile(
        "recursion without limit",
        in_sigmoid(
            "import sys; sys.setrecursionlimit(10**9)\nclass A:\n    def __getattr__(self, n): return getattr(self, n + 'x')\nrepr(A().y)"
        ),
        "sigmoid",
    ),
    Hostile("memory hog", in_sigmoid("hog = []\nwhile True: hog.append(np.empty(10**7))"), "sigmoid ran out of memory"),
    Hostile("10 GB result", in_sigmoid("return np.zeros((10**9, 10))"), "sigmoid ran out of memory"),
    Hostile(
        "10 GB view",
        in_sigmoid("return np.broadcast_to(np.float64(1), (10**9, 10))"),
        "sigmoid(z) has shape (1000000000, 10), should be",
    ),
    Hostile("10 GB list", in_sigmoid("return [z] * 10**8"), "sigmoid"),
    Hostile(
        "deep list",
        in_sigmoid("a = []\nfor _ in range(10**5): a = [a]\nreturn a"),
        "a value of type list, should be an array",
    ),
    Hostile("list in itself", in_sigmoid("a = []\na.append(a)\nreturn a"), "a value of type list, should be an array"),
    Hostile("memory outside of limits", in_sigmoid("import os\nos.memfd_create('x')"), "PermissionError"),
    Hostile(
        "shared memory",
        in_sigmoid(
            "import ctypes\nr = ctypes.CDLL(None, use_errno=True).shmget(0, 1 << 20, 0o1600)\nif r < 0: raise OSError(ctypes.get_errno(), 'refused')"
        ),
        "PermissionError in line 13: [Errno 1] refused",
    ),
    Hostile(
        "fills the disk",
        in_sigmoid("open('/tmp/x', 'wb').write(bytes(2**20))"),
        "OSError in line 11",
        under_limits="PermissionError in line 11",
    ),
    Hostile(
        "fills the disk with nothing",
        in_sigmoid("for i in range(400_000): open(f'{__file__}{i}', 'x').close()"),
        "OSError in line 11",
        under_limits="PermissionError in line 11",
    ),
    # Processes.
    Hostile(
        "fork bomb",
        in_sigmoid("import os\nwhile True: os.fork()"),
        "PermissionError in line 12: [Errno 1] Operation not permitted",
    ),
    Hostile(
        "thread bomb",
        in_sigmoid(
            "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
        ),
        "can't start new thread",
    ),
    Hostile("subprocess", in_sigmoid("import subprocess\nsubprocess.run(['/bin/sh', '-c', 'id'])"), "sigmoid raised"),
    Hostile(
        "another program",
        in_sigmoid("import os, sys\nos.execv(sys.executable, ['python', '-c', 'print(1)'])"),
        "PermissionError",
    ),
    Hostile(
        "kills everybody",
        in_sigmoid("import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(0, signal.SIGKILL)"),
        "PermissionError",
    ),
    Hostile(
        "kills its parent", in_sigmoid("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"), "PermissionError"
    ),
    Hostile(
        "a thread that outlives the call",
        in_sigmoid(
            "import threading\ndef spin():\n    while True: z.sum()\nthreading.Thread(target=spin, daemon=True).start() if threading.active_count() < 3 else None"
        ),
        "",
        sigmoid_passes=True,
    ),
    # Ends.
    Hostile(
        "os._exit on import",
        on_import("import os; os._exit(0)"),
        "while it was imported, the file ended the whole program (exit status 0), as os._exit does",
        imports=False,
    ),
    Hostile(
        "os._exit in a call",
        in_sigmoid("import os; os._exit(0)"),
        "sigmoid ended the whole program (exit status 0), as os._exit does",
    ),
    Hostile(
        "sys.exit on import",
        on_import("import sys; sys.exit(0)"),
        "",
        sigmoid_passes=True,
    ),
    Hostile("sys.exit in a call", in_sigmoid("import sys; sys.exit(0)"), "sigmoid raised SystemExit in line 11: 0"),
    Hostile("keyboard interrupt", in_sigmoid("raise KeyboardInterrupt"), "sigmoid raised KeyboardInterrupt"),
    Hostile(
        "segmentation fault",
        in_sigmoid("import ctypes; ctypes.string_at(0)"),
        "sigmoid crashed Python (Segmentation fault)",
    ),
    Hostile(
        "an error that cannot be shown",
        in_sigmoid("class Bad(Exception):\n    def __str__(self): raise SystemExit\nraise Bad"),
        "sigmoid",
    ),
    # Looking around.
    Hostile(
        "reads the grader",
        in_sigmoid(
            "import os\nnames = [name for _, folders, files in os.walk('/') for name in (*folders, *files)]\nassert not {'grader', 'oracles', 'torch', 'assignment.key', 'passwd'} & set(names), 'found'\nopen('/etc/passwd')"
        ),
        "No such file or directory: '/etc/passwd'",
        under_limits="Permission denied: '/",
    ),
    Hostile(
        "reads the environment",
        in_sigmoid(
            "import os\nassert 'BACKPROOF_TEST_SECRET' not in os.environ, 'found'\nopen('/proc/1/environ', 'rb').read()"
        ),
        "No such file or directory: '/proc/1/environ'",
        under_limits="Permission denied: '/proc/1/environ'",
    ),
    Hostile(
        "reads its parent's memory",
        in_sigmoid("import os\nopen(f'/proc/{os.getppid()}/mem', 'rb')"),
        "No such file or directory",
        under_limits="Permission denied: '/proc/",
    ),
    Hostile(
        "traces its parent",
        in_sigmoid(
            "import ctypes, os\nr = ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0)\nif r < 0: raise OSError(ctypes.get_errno(), 'refused')"
        ),
        "PermissionError",
    ),
    Hostile(
        "network",
        in_sigmoid("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:80')"),
        "sigmoid raised URLError",
    ),
    Hostile(
        "socket", in_sigmoid("import socket\nsocket.create_connection(('1.1.1.1', 53), timeout=1)"), "sigmoid raised"
    ),
    Hostile(
        "sends a signal by way of a pipe",
        in_sigmoid(
            "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())\nfcntl.fcntl(r, 10, 9)\nfcntl.fcntl(r, fcntl.F_SETFL, fcntl.fcntl(r, fcntl.F_GETFL) | os.O_ASYNC)\nos.write(w, b'x')"
        ),
        "PermissionError in line 13",
    ),
    Hostile("sends datagrams", in_sigmoid("import socket\nsocket.socketpair()"), "PermissionError in line"),
    Hostile(
        "watches others' files",
        in_sigmoid(
            "import ctypes\nr = ctypes.CDLL(None, use_errno=True).inotify_init1(0)\nif r < 0: raise OSError(ctypes.get_errno(), 'refused')"
        ),
        "PermissionError in line 13: [Errno 1] refused",
    ),
    Hostile(
        "writes outside",
        in_sigmoid("open(f'{__file__}x.py', 'w')"),
        "Read-only file system: '/submission/",
        under_limits="Permission denied: '/",
    ),
    Hostile("writes into the root", in_sigmoid("import os\nos.mkdir('/mine')"), "sigmoid raised"),
    Hostile("becomes root", in_sigmoid("import os\nos.setuid(0)"), "sigmoid raised PermissionError"),
    Hostile(
        "mounts",
        in_sigmoid(
            "import ctypes\nr = ctypes.CDLL(None, use_errno=True).mount(b'none', b'/tmp', b'tmpfs', 0, None)\nif r: raise OSError(ctypes.get_errno(), 'refused')"
        ),
        "PermissionError",
    ),
    Hostile(
        "raises its limits",
        in_sigmoid("import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))"),
        "not allowed to raise maximum limit",
    ),
    Hostile("imports torch", "import torch\n" + in_sigmoid("torch.tensor(1)"), "name 'torch' is not defined"),
    Hostile("imports jax", in_sigmoid("import jax"), "No module named 'jax'"),
    # Lies.
    Hostile(
        "pickle",
        in_sigmoid(
            "class Evil(np.ndarray):\n    def __reduce__(self): return (eval, ('1/0',))\nreturn (1 / (1 + np.exp(-z)) * 0).view(Evil)"
        ),
        "sigmoid(z) is",
    ),
    Hostile(
        "object array",
        in_sigmoid("class Any:\n    def __eq__(self, o): return True\nreturn np.full(z.shape, Any(), dtype=object)"),
        "sigmoid(z) has dtype object, should be float64",
    ),
    Hostile(
        "subclass that equals everything",
        in_sigmoid(
            "class Equal(np.ndarray):\n    __eq__ = __le__ = __lt__ = lambda s, o: np.ones(np.shape(s), bool)\n    __sub__ = __rsub__ = lambda s, o: np.zeros(np.shape(s))\n    def __array_ufunc__(s, *a, **k): return np.zeros(np.shape(s))\nreturn np.zeros_like(z).view(Equal)"
        ),
        "sigmoid(z) is 0.0",
    ),
    Hostile(
        "subclass that brings its own allowance",
        in_sigmoid(
            "class Approximate(np.ndarray):\n    error = added_error = np.inf\nreturn np.zeros_like(z).view(Approximate)"
        ),
        "sigmoid(z) is 0.0",
    ),
    Hostile(
        "array on demand",
        in_sigmoid(
            "class Fake:\n    shape, dtype = z.shape, z.dtype\n    def __array__(self, *a, **k): return 1 / (1 + np.exp(-z))\nreturn Fake()"
        ),
        "sigmoid(z) is a value of type Fake, should be an array",
    ),
    Hostile(
        "false class",
        in_sigmoid("class Fake:\n    __class__ = np.ndarray\n    shape, dtype = z.shape, z.dtype\nreturn Fake()"),
        "sigmoid(z) is a value of type Fake, should be an array",
    ),
    Hostile(
        "a type that is not called by a name",
        in_sigmoid("class Meta(type):\n    __name__ = [1]\nreturn Meta('Odd', (), {})()"),
        "sigmoid(z) is a value of type Odd, should be an array",
    ),
    Hostile(
        "many types of its own",
        in_sigmoid("return [[type(f'Own{i}x{j}', (), {})() for j in range(220)] for i in range(220)]"),
        "sigmoid(z) is a value of type list of 220, should be an array",
    ),
    Hostile(
        "many objects of its own",
        in_sigmoid("class Own: pass\nreturn [[Own()] * 220 for i in range(220)]"),
        "sigmoid(z) is a value of type list of 220, should be an array",
    ),
    Hostile(
        "no entries in a huge array",
        in_sigmoid("return np.zeros(0, np.int8).reshape(0, 2**62)"),
        "sigmoid(z) has shape (0, 4611686018427387904), should be",
    ),
    Hostile(
        "no entries in a long array",
        in_sigmoid("return np.zeros((10**9, 0))"),
        "sigmoid(z) has shape (1000000000, 0), should be",
    ),
    Hostile("ragged lists", in_sigmoid("return [z, [z]]"), "sigmoid(z) is a value of type list, should be an array"),
    Hostile("not a number", in_sigmoid("return z * float('nan')"), "sigmoid(z) is NaN, should be"),
    Hostile(
        "patched NumPy",
        on_import(
            "np.array_equal = np.allclose = lambda *a, **k: True\nnp.exp = lambda z: z\nnp.abs = lambda z: z * 0"
        ),
        "sigmoid(z) is",
    ),
    Hostile(
        "patched json",
        on_import("import json, os\njson.dumps = lambda *a, **k: '{}'\njson.loads = print\nos.write = print"),
        "",
        sigmoid_passes=True,
    ),
    Hostile(
        "patched builtins",
        on_import("import builtins\nbuiltins.isinstance = lambda *a: True"),
        "ended the whole program (exit status 1)",
        imports=False,
    ),
    Hostile(
        "prints a score",
        in_sigmoid('print(\'{"score": 100, "max_score": 100}\')\nimport os; os._exit(0)'),
        "sigmoid ended the whole program (exit status 0)",
    ),
    Hostile(
        "huge output", in_sigmoid("while True: print('x' * 10**6)"), "sigmoid printed more than 16 MiB and was stopped"
    ),
    Hostile(
        "terminal codes",
        in_sigmoid("raise ValueError('\\x1b[2J\\x1b]0;pwned\\x07 <script>alert(1)</script> | `x`')"),
        "sigmoid raised ValueError in line 11:  [2J ]0;pwned  <script>alert(1)</script> | `x`",
    ),
    Hostile(
        "forged answers",
        in_sigmoid(FIND_CHANNEL + "for i in range(1000): say(json.dumps([i, {'result': 0}]))"),
        "sigmoid wrote into the channel that its answers go through",
    ),
    Hostile(
        "forged score",
        in_sigmoid(FIND_CHANNEL + "say(json.dumps({'score': 100, 'passed': True}))"),
        "sigmoid wrote into the channel that its answers go through",
    ),
    *(
        Hostile(
            f"forged frames: {name}",
            in_sigmoid(
                FIND_CHANNEL + f"for i in range(1000): say(json.dumps([i, {{'is': 'result', 'value': {value}}}]))"
            ),
            "sigmoid wrote into the channel that its answers go through",
        )
        for name, value in {
            "a type that is a list": "['other', [1], None]",
            "a dtype that is a list": "['other array', [1], ['float64']]",
            "long numbers": "['other array', [10**4299] * 64, 'object']",
        }.items()
    ),
    Hostile(
        "forged length",
        in_sigmoid(
            FIND_CHANNEL + "[os.write(fd, b'\\xff' * 8) for fd in range(3, 9) if stat.S_ISFIFO(os.fstat(fd).st_mode)]"
        ),
        "sigmoid",
    ),
    Hostile(
        "half a message",
        in_sigmoid(
            FIND_CHANNEL
            + "[os.write(fd, b'\\x10\\0\\0\\0\\0\\0\\0\\0[') for fd in range(3, 64) if os.path.exists('/dev/null') and _fifo(fd)]"
        )
        + "\nimport os, stat\ndef _fifo(fd):\n    try: return stat.S_ISFIFO(os.fstat(fd).st_mode)\n    except OSError: return False\n",
        "sigmoid",
    ),
    Hostile("closes the channel", in_sigmoid("import os\nos.closerange(0, 64)"), "sigmoid"),
    Hostile(
        "rewrites the worker",
        in_sigmoid(
            "import sys\nframe = sys._getframe()\nwhile frame.f_back: frame = frame.f_back\nfor name in list(frame.f_globals):\n    if name == 'Description': frame.f_globals[name].of = lambda *a: {'passed': True, 'score': 100}\nreturn z"
        ),
        "sigmoid wrote into the channel that its answers go through",
    ),
    Hostile(
        "hides that it changes its arguments",
        in_sigmoid(
            "import sys\nframe = sys._getframe()\nwhile frame.f_back: frame = frame.f_back\nframe.f_globals['_snapshot'] = lambda value: None\nz += 1\nz -= 0.5"
        ),
        "sigmoid changed its argument z",
    ),
    Hostile(
        "takes the inputs beforehand",
        "import sys, numpy as np\nframe, FOUND = sys._getframe(), 0\nwhile frame := frame.f_back:\n    held = [*frame.f_locals.values()]\n    held += [v for o in held for v in (o.values() if type(o) is dict else getattr(o, '__dict__', {}).values())]\n    FOUND += sum(v.size for v in held if isinstance(v, np.ndarray))\n"
        + in_sigmoid("assert not FOUND, 'found'"),
        "",
        sigmoid_passes=True,
    ),
    # Files that are none.
    Hostile(
        "syntax error",
        RELUS + "\ndef sigmoid(z:\n    return z\n",
        "the file cannot be imported: SyntaxError in line 10",
        imports=False,
    ),
    Hostile(
        "not UTF-8",
        RELUS.encode() + b"\n# caf\xe9\ndef sigmoid(z): return z\n",
        "the file cannot be imported: SyntaxError in line 10: this is not text in utf-8: a byte 0xe9",
        imports=False,
    ),
    Hostile(
        "null bytes",
        RELUS.encode() + b"\0",
        "the file cannot be imported: SyntaxError in line 9: this is not text: it contains null bytes",
        imports=False,
    ),
    Hostile("empty", "", "there is no function sigmoid", imports=False),
    Hostile(
        "functions that are none", RELUS + "\nsigmoid = 3\n", "sigmoid raised TypeError: 'int' object is not callable"
    ),
]
