"""`python -m peal` is the `peal` command."""

from peal.cli import main

main()
