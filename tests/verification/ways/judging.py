"""The files of this folder by kind, and what a verification says of one of them."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backproof.oracles.case import DTYPES
from backproof.verification.campaign import Grade

FOLDER = Path(__file__).parent
RIGHT = sorted(FOLDER.glob("right_*.py"))

# Where the packages of the rooms are found from outside of this folder's project.
ROOT = FOLDER.parents[2]


@dataclass(frozen=True)
class Told:
    """What a report says; alarms: its disagreements, a line for each."""

    verdict: str
    networks: int = 0
    alarms: list[str] = field(default_factory=list)


def packages(way: Path) -> set[str]:
    """The packages that a way imports."""
    nodes = list(ast.walk(ast.parse(way.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names} - {"honest"}


def can_be_imported(way: Path) -> bool:
    """Whether all is installed that a way imports."""
    return all(importlib.util.find_spec(package) for package in packages(way))


def verify_by_command(
    way: Path,
    out: Path,
    *,
    networks: int = 1000,
    seed: int = 0,
    dtypes: Sequence[str] = DTYPES,
    grade: Grade = "strict",
) -> Told:
    """Verify a way in a process of its own, as users do, and read the report."""
    command = [sys.executable, "-m", "backproof", "verify", str(way), "--out", str(out)]
    command += ["--networks", str(networks), "--seed", str(seed), "--grade", grade]
    for dtype in dtypes:
        command += ["--dtype", dtype]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    ended = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, env=environment
    )
    report = out / "report.json"
    if not report.is_file():
        last = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-1:]
        return Told("no report", alarms=[f"exit status {ended.returncode}", *last])
    content = json.loads(report.read_bytes())
    alarms = [f"    {place['quantity']}: {place['cause'] or place['replay']}" for place in content["failures"]]
    if content["verdict"] == "could not run":
        alarms.append(f"    {content['summary']}")
    return Told(content["verdict"], content["networks"], alarms)
