"""The conformance suite's options, for pytest. It does nothing else, so that it costs nothing where it is installed.

pytest --pyargs backproof.conformance --implementation mine.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options to pytest's command line."""
    group = parser.getgroup("backproof", "backproof: does an implementation of backpropagation keep the contract")
    group.addoption(
        "--implementation",
        metavar="NAME",
        default="backproof.reference_impl",
        help="What to judge: a module's name, or the path of a .py file (default: %(default)s).",
    )
    group.addoption(
        "--known-failures",
        metavar="FILE",
        help="A test and why it fails in every line; one that passes is an error.",
    )
    group.addoption(
        "--missing-functions",
        choices=("skip", "fail"),
        default="skip",
        help="What happens to the tests of a function that there is not (default: %(default)s).",
    )
    group.addoption(
        "--conformance-networks",
        metavar="N",
        type=int,
        default=10,
        help="How many networks every test looks at (default: %(default)s).",
    )
    group.addoption(
        "--conformance-seed", metavar="N", type=int, default=0, help="Of the random networks (default: %(default)s)."
    )
    group.addoption(
        "--conformance-dtype",
        choices=("float64", "float32"),
        action="append",
        help="Precision of the inputs; may be given twice, and is both by default.",
    )
    group.addoption(
        "--conformance-oracle",
        choices=("complex-step", "torch", "jax"),
        default="complex-step",
        help="What says what is right (default: %(default)s, which needs NumPy alone).",
    )
    group.addoption(
        "--conformance-strict",
        action="store_true",
        help="A difference that is no mistake, such as an epsilon in a logarithm, is a failure, and not a warning.",
    )
    group.addoption(
        "--conformance-grade",
        choices=("strict", "lenient"),
        default="strict",
        help="Whether functions such as tanh must be accurate relatively, or only absolutely (default: %(default)s).",
    )
