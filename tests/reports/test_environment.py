"""`reports.environment`: the same whatever else has been loaded, so that the same run is the same report."""

import subprocess
import sys


def test_the_same_when_scipy_is_loaded():
    """Which a process that computes does, and one that only reports does not."""
    code = """
import numpy
from backproof.reports.environment import environment
before = environment()
import scipy.linalg
print(environment() == before, environment()["blas"] != "unknown")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
