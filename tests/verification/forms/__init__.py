"""The catalogue's mistakes as other people write them: programs that are right, and the lines that make each wrong.

To each program `name.py` belongs `name.toml`: for every mistake of the catalogue the lines that change, each of which
the program has exactly once. None shares a line with the catalogue, which recognises a mistake by what it answers.
"""
