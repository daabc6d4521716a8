"""The event half; virtual time and an API in memory."""
