"""The revisions, oldest first; each is run once."""
