"""Laws are tried on the same examples each time, and a busy machine is no fault of theirs."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")
