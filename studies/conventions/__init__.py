"""Where NumPy, PyTorch and JAX differ by more than rounding, told."""
