"""The main job with nothing faked but the machines: real brokers, real API servers, the operator
as a process of its own."""
