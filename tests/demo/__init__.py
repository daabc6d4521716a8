"""The demo: its queue, its figures and its looks."""
