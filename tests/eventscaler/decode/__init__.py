"""Manifests as written."""
