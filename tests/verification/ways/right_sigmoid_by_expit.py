"""The sigmoid is SciPy's."""

import honest
from honest import *  # noqa: F403
from scipy.special import expit


class Expit(honest.Honest):
    def sigmoid(self, z):
        return expit(z)


globals().update(honest.functions_of(Expit()))
