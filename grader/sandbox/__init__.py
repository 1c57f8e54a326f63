"""The sandbox: code that nobody has read, run where it can reach nothing, and asked for arrays."""
