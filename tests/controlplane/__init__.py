"""A real control plane of one pinned Kubernetes release, built from Go modules."""
