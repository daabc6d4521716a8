"""The loop, on the embedded cluster in virtual time."""
