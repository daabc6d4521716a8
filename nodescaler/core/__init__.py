"""Pure decisions on nodes: no I/O, no clock, no logging."""
