"""`python -m perfwatch`: the same as the installed command."""

from perfwatch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
