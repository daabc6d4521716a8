"""Tests of the floor: a mirror of `kube/`, and the servers that it is tested against."""
