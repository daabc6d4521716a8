"""Servers of the clouds, written after their public documentation; see test_contract.py."""
