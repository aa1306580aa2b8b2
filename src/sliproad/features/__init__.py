"""The product, one folder a feature, in the reading order of ARCHITECTURE.md."""
