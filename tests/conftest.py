"""What all tests share: Hypothesis profiles, and oracles that are loaded once."""

import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

from oracles.registry import Oracle, load_oracle

hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("long", max_examples=5000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def torch_oracle() -> Oracle:
    return load_oracle("torch")


@pytest.fixture(scope="session")
def jax_oracle() -> Oracle:
    return load_oracle("jax")


@pytest.fixture(scope="session")
def complex_step_oracle() -> Oracle:
    return load_oracle("complex-step")


@pytest.fixture(scope="session")
def trial_by_command(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What `backproof claims` prints, run once for all tests, and the folder that it was run in."""
    folder = tmp_path_factory.mktemp("trial")
    command = [Path(sys.executable).with_name("backproof"), "claims"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, check=False), folder
