"""`python -m sweeps` is `sweeps`."""

from sweeps.commands.app import main

main()
