"""Transactions and meter values: what was charged, by whom, and what the meter said."""
