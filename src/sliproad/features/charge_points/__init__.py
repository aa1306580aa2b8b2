"""The registry of charge points with their EVSEs and connectors: who they are, how they are, who tried to connect."""
