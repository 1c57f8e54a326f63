"""The framework matrix: NumPy, PyTorch and JAX in every precision, against certified values and each other."""
