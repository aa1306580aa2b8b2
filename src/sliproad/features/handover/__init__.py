"""From the last passed check to a signed certificate: who took over what, when, and how anyone can prove it."""
