"""``python -m persons_api``: the command line, without an installed script."""

from persons_api.cli import main

main()
