"""XLA, which computes for JAX, in one thread: for matrices as small as a network's, several get in each other's way."""

from __future__ import annotations

import os

FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def xla_flags() -> str:
    """What XLA_FLAGS has to be for that: what it is, and these."""
    return f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}".strip()


def use_one_thread() -> None:
    """Have XLA compute in one thread in this process, which has not asked JAX for anything yet, and is ours alone."""
    os.environ["XLA_FLAGS"] = xla_flags()
