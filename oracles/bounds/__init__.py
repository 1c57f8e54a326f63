"""How far an honest evaluation may be from the exact value: an error bound for every entry of every quantity.

The bound is derived for the one case at hand, by following rounding errors through the network (`propagation`),
forward through the layers and back through the deltas:

- Fresh errors. A sum of t products in any order is off by at most t u sum |w a| (Jeannerod and Rump, "Improved error
  bounds for inner products in floating-point arithmetic", SIAM J. Matrix Anal. Appl. 34, 2013; Higham, "Accuracy and
  stability of numerical algorithms", ch. 3), where products that are exactly 0 do not count; and by about half of that
  where positive and negative products cancel, because no sum of some of them is larger than that of those of one sign.
  Elementary functions are off as `arithmetic` says, and underflow adds an absolute term. An output is
  exact where all terms of its sums are multiples of one power of two and small enough, as in networks of integers.
- Propagation is linear to first order, through the exact derivatives of the layers. What is not linear goes into the
  rest, bounded by derivatives over the whole interval that the values may lie in. Near the kink of a ReLU, where
  rounding decides on which side of 0 a pre-activation lies, the rest takes in both sides.
- The derivatives are taken at values that were themselves worked out in float64, and are off by no more than the bound:
  the terms of second order are large enough to cover that as well.

Where a bound is not finite nothing can be said, and the entry is unchecked. A bound holds for one arithmetic, or is
shared by all of a precision: then it holds for the widest, whose every constant is the largest of theirs.
"""

from backproof.oracles.bounds.arithmetic import CERTIFIED, CUDA, JAX, NUMPY, TORCH, Arithmetic
from backproof.oracles.bounds.network import Bounds, bounds

__all__ = ["CERTIFIED", "CUDA", "JAX", "NUMPY", "TORCH", "Arithmetic", "Bounds", "bounds"]
