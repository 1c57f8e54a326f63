"""Which conventions an implementation follows, found out by experiment."""
