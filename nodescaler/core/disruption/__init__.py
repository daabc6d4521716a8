"""Which nodes should go, one module a reason. They do not know each other."""
