"""`python -m crosslight`: the command line where its script is not on the path."""

from crosslight.cli.main import run

if __name__ == "__main__":
    run()
