"""`python -m cvo` is the `cvo` command."""

from cvo.cli import main

main()
