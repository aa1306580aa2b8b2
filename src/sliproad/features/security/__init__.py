"""How charge points prove who they are: their credentials, rotation, and what a gateway keeps of them in memory."""
