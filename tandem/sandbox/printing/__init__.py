"""Rows for people: the columns that kubectl prints, computed by the server. Pure."""
