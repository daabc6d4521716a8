"""One round of one object."""
