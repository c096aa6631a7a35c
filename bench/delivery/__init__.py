"""How soon, and at what cost, a committed event reaches an open connection."""
