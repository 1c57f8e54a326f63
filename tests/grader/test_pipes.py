"""`grader.sandbox.pipes`: whichever way they are read, what came before the end of a pipe is seen before it."""

import subprocess
import sys
import time

import pytest

from backproof.grader.sandbox.pipes import Selected, Threads

# What it is sent it answers, and tells of; then it ends.
PROGRAM = """
import os, sys
given = sys.stdin.buffer.read(3 * 2**20)
os.write(1, given[:100])
os.write(2, b'printed')
rest = memoryview(given)[100:]
while rest:
    rest = rest[os.write(1, rest):]
"""


@pytest.mark.parametrize("kind", [Selected, Threads])
def test_everything_comes_and_then_the_end(kind):
    sent = bytes(range(256)) * (3 * 2**12)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        pipes = kind(process)
        pipes.send(sent[: 2**20])
        pipes.send(sent[2**20 :])
        came = {"answers": b"", "printed": b""}
        open_pipes = set(came)
        while open_pipes:
            seen = list(pipes.receive(5))
            assert len({whence for whence, _ in seen}) == len(seen)  # no end with what was before
            for whence, part in seen:
                assert whence in open_pipes
                came[whence] += part
                if not part:
                    open_pipes.remove(whence)
        process.wait()
        pipes.close()
    assert came == {"answers": sent, "printed": b"printed"}


@pytest.mark.parametrize("kind", [Selected, Threads])
def test_closed_whatever_waits(kind):
    """A process that is killed with much to be sent and much to be read."""
    program = "import os\nwhile True: os.write(1, bytes(2**16))"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        pipes = kind(process)
        pipes.send(bytes(2**24))
        assert next(pipes.receive(5))[0] == "answers"
        time.sleep(0.05)
        process.kill()
        process.wait()
        pipes.close()
    assert process.stdout.closed
