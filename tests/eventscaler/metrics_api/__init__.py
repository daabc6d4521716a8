"""The metrics API: alone, and behind the real API server."""
