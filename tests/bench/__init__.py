"""Measurements: `make bench`, or `python -m tests.bench NAME...`. Never part of the test suite."""
