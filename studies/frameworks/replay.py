"""One network by one backend: every quantity against the certified values."""

from __future__ import annotations

import numpy as np

from backproof.oracles.attribution import SMALLEST
from backproof.oracles.bounds import bounds
from backproof.oracles.case import Case
from backproof.oracles.certified import SMALL, enclose
from backproof.oracles.comparison import compare
from backproof.studies.frameworks.backends import load_backend
from backproof.studies.frameworks.matrix import TRUTH
from backproof.verification.campaign import CouldNotRunError
from backproof.verification.judgement import Judgement


def judge_backend(case: Case, framework: str, dtype: str) -> Judgement:
    """Hold a framework against the certified values of a case, whose numbers are rounded to the dtype first.

    Raises ValueError for an unknown framework, and CouldNotRunError where it cannot work here.
    """
    try:
        backend = load_backend(framework, dtype)
    except RuntimeError as error:
        raise CouldNotRunError(f"{framework} cannot be had in {dtype}: {error}") from error
    case = case.rounded(dtype)
    (answer,), (found,) = backend.answers([case]), bounds([case], [backend.arithmetic])
    (allowed,) = found.allowances
    enclosure = enclose(case, allowed)
    limits = {}
    for quantity in case.quantities:
        radius = enclosure.radius[quantity]
        limit = allowed[quantity] + radius + np.abs(enclosure.low[quantity])
        limits[quantity] = np.where(radius <= np.maximum(SMALL * allowed[quantity], SMALLEST), limit, np.inf)
    return Judgement(case, {TRUTH: compare(answer, enclosure.high, limits, "float64")}, found.undecided[0])
