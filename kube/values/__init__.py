"""Pure values of the Kubernetes API: no I/O, no clock, no logging."""
