"""Does an implementation keep the contract? One test for each of its statements, for any implementation.

    pytest --pyargs backproof_conformance --implementation mine.py

(in this repository `pytest tests/conformance --implementation mine.py`). This folder is installed as the package
backproof_conformance, and so imports itself relatively.
"""
