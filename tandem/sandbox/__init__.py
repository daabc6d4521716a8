"""The embedded cluster: a Kubernetes API on loopback with simulated nodes."""
