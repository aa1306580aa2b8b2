"""May this token charge here? One rule, asked by every message of every version that carries a token."""
