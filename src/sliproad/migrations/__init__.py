"""The schema's history. `tables.py` imports every feature's store, so that the metadata is whole."""
