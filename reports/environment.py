"""What a report was made with: versions, processor, BLAS."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path

import threadpoolctl

PACKAGES = ("numpy", "torch", "jax", "jaxlib")


def environment() -> dict[str, str]:
    """Versions of Python and of the packages whose numbers are compared, NumPy's BLAS, the processor, the platform."""
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
        "blas": _blas(),
        "processor": _processor(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _blas() -> str:
    """The BLAS that NumPy has loaded, with the kind of processor that it chose its kernels for.

    SciPy brings one of its own, which is there or not by who has loaded SciPy.
    """
    libraries = [
        library
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas" and Path(library["filepath"]).parent.name != "scipy.libs"
    ]
    described = {
        " ".join(str(library[key]) for key in ("internal_api", "version", "architecture") if library.get(key))
        for library in libraries
    }
    return ", ".join(sorted(described)) or "unknown"


def _processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
