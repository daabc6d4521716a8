"""Real servers for tests: how they are installed, started on free ports, and ended."""
