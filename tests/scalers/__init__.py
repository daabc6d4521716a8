"""Scalers, each against the server it reads."""
