"""Sliproad takes an EV charger from the box to the road."""
