"""`verification.wording`: what is said of two numbers tells them apart."""

import numpy as np

from backproof.verification.wording import told_apart


def test_told_apart():
    """By four digits, or as many as it takes; what cannot be told apart is said as it is."""
    assert told_apart(0.25, 1 / 3) == "got 0.25, should be 0.3333"
    assert told_apart(0.2445572018623352, 0.24455720186) == "got 0.244557201862, should be 0.24455720186"
    assert told_apart(1 + np.finfo(float).eps, 1.0) == "got 1.0000000000000002, should be 1"
    assert told_apart(1.0, 1.0) == "got 1, should be 1"
