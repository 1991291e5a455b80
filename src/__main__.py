"""`python -m tidings`: the command line."""

from tidings.bootstrap.cli import main

if __name__ == "__main__":
    main()
