"""The formulas as a textbook has them."""

from honest import *  # noqa: F403
