"""Laws of the floor's values."""
