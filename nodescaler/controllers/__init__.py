"""The loops of the node half: read a snapshot, decide in the core, act, report."""
