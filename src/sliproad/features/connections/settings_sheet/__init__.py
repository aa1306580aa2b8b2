"""A page to print: what is to be entered in a charge point by hand, where it can't be moved by wire (contract §5)."""
