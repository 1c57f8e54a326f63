"""`python -m backproof`: the command line, where the program `backproof` is not on the path."""

from backproof.commands import run

if __name__ == "__main__":
    run()
