"""`python -m tandem`: the same as the console script."""

from tandem.cli import main

if __name__ == "__main__":
    main()
