"""The few pages that show the whole system: what is built, which path leads where, what follows what, which processes run."""
