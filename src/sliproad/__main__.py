"""`python -m sliproad`."""

from sliproad.cli import main

main()
