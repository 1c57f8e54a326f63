"""Does an implementation keep the contract? One test for each of its statements, for any implementation.

pytest --pyargs backproof.conformance --implementation mine.py
"""
