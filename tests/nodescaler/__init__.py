"""The node half; virtual time everywhere."""
