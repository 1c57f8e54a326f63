"""Whatever is read or typed: an answer, or a sentence that says what is wrong. Never a traceback.

A parser joins by a line in `PARSERS`: how it is called with a text, what it may raise, and texts that it takes.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backproof.commands import main
from backproof.conformance.known_failures import KnownFailures
from backproof.oracles.case import Case
from backproof.oracles.draw import PROFILES, draw_case, find_case
from backproof.studies.power.plan import PARTS
from backproof.verification.convention import Convention
from backproof.verification.implementation import CouldNotLoadError, load_implementation


class Parser(NamedTuple):
    """What is called with a text and a folder to put it in; what it may raise; texts to start from."""

    parse: Callable[[str, Any], Any]
    raises: tuple[type[Exception], ...]
    valid: tuple[str, ...]


def _written(text, folder, name):
    """The path of a file with that text."""
    (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    return str(folder / name)


SMALL = draw_case(0, 4).to_json()

PARSERS = {
    "case JSON": Parser(lambda text, _: Case.from_json(text), (ValueError,), (SMALL, "{}", "[" * 5000, SMALL[:-1])),
    "case name": Parser(lambda text, _: find_case(text), (ValueError,), ("v3:kinks:0:17", "v3:all:0:3", "v3:odd:1:1")),
    "case file": Parser(
        lambda text, folder: find_case(_written(text, folder, "case.json")), (ValueError,), (SMALL, '{"weights": 1}')
    ),
    "known failures": Parser(
        lambda text, folder: KnownFailures.read(_written(text, folder, "known")),
        (ValueError,),
        ("test_relu[float64] why\n# so\n\ntest_tanh because", "test_relu"),
    ),
    "implementation": Parser(
        lambda text, folder: load_implementation(_written(text, folder, "mine.py")),
        (CouldNotLoadError,),
        ("def relu(z): return z", "relu = 3", "CONVENTION = 1\ndef relu(z): return z"),
    ),
    "convention": Parser(
        lambda text, _: Convention(losses=tuple(text.split())), (ValueError,), ("squared_error_sum cross_entropy_sum",)
    ),
}


INSERTED = ("", "1e999", "-0", "null", '"', "\x00", "٣", "]", "\n")


@st.composite
def edited(draw, valid):
    """A text that was valid, with pieces left out, doubled, moved, or replaced by anything."""
    text = draw(st.sampled_from(valid))
    for _ in range(draw(st.integers(0, 3))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        piece = draw(st.sampled_from([*INSERTED, text[start:end] * 2]) | st.text(max_size=5))
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.parametrize("name", PARSERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_parsers(name, data, tmp_path):
    """An answer, or what is wrong in a few words."""
    parser = PARSERS[name]
    text = data.draw(edited(parser.valid) | st.text(st.characters(exclude_categories=["Cs", "Lu", "Ll"]), max_size=40))
    said = "an answer"
    try:
        parser.parse(text, tmp_path)
    except parser.raises as error:
        said = str(error)
    assert said.strip()
    assert len(said) < 1000 + 2 * len(text)


VALUES = ["", "0", "-1", "1", "1e3", "٣", "nan", "all", "kinks", "float32", "strict", "--", "-", "absent.py", "é" * 300]
COMMANDS = {
    "verify": {"--profile": list(PROFILES), "--dtype": ["float32"], "--seed": ["3"], "--resume": ["run"]},
    "replay": {"--dtype": ["float32"], "--implementation": ["reference_impl"], "--attribute": [None]},
    "infer": {"--json": [None]},
    "power": {"--part": list(PARTS), "--workers": ["1"]},
}
ARGUMENTS = {
    "verify": ["reference_impl", "mine.py", "", ".", "..", "json", "/dev/null"],
    "replay": ["v3:kinks:0:3", "v3:odd:0:3", "v9:kinks:0:3", "v3:kinks:0:" + "9" * 30, "{}", SMALL, "/", ""],
    "infer": ["mine.py", "absent", "", "json"],
    "power": ["surplus"],
}


@st.composite
def command_lines(draw):
    """A command, arguments, and options with values that suit them or do not."""
    command = draw(st.sampled_from(list(COMMANDS)))
    line = [
        command,
        *draw(
            st.lists(
                st.sampled_from(ARGUMENTS[command]) | st.text(st.characters(exclude_characters="\x00"), max_size=4),
                min_size=1,
                max_size=2,
            )
        ),
    ]
    for option in draw(st.lists(st.sampled_from([*COMMANDS[command], "--odd", "--out"]), max_size=3)):
        value = draw(st.sampled_from([*COMMANDS[command].get(option, []), *VALUES]))
        line += [option] if value is None else [option, value]
    return line


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 2)
@given(line=command_lines())
@example(line=["replay", "[" * 100_000])
@example(line=["replay", '{"weights":' + "[" * 100_000])
def test_command_line(line, tmp_path, monkeypatch):
    """Exit status 0, 1 or 2; with 2 a sentence on stderr; and nothing that looks like Python broke."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("backproof.reports.rendering.write_page", lambda *_: None)  # takes longer than all the rest
    (tmp_path / "mine.py").write_text("def relu(z): return z\n")
    if line[0] == "verify":
        line = [*line, "--oracle", "complex-step", "--networks", "1"]
    if line[0] == "replay":
        line = [*line, "--oracle", "complex-step"]
    if line[0] == "power":
        line = [*line, "--networks", "0"]  # refused: a real run takes minutes
    done = CliRunner().invoke(main, line)
    assert done.exit_code in (0, 1, 2)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output
    assert "--debug shows where" not in done.output  # what was not foreseen
    if done.exit_code == 2 and "--help" not in line:
        assert re.search(r"^(Error: |Usage: )", done.stderr, re.MULTILINE) or "replay" in line
