"""Pure decisions on replica counts: no I/O, no clock, no logging."""
