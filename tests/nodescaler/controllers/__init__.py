"""Each controller against the in-memory cluster, in virtual time."""
