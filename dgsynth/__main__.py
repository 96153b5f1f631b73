"""`python -m dgsynth` is the `dgsynth` command."""

from dgsynth.cli import main

if __name__ == "__main__":
    main()
