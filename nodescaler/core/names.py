"""What a NodeClaim is called: its pool, and five letters that follow from what it is for. Pure."""

from __future__ import annotations

import hashlib

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
POOL_LIMIT = 57  # a name is also a label value, 63 at most, with "-" and five letters


def name_for(pool: str, *what_for: str) -> str:
    """``<pool>-<five letters>``: the same for the same purpose, so that to ask again is harmless.

    >>> name_for("web", "a") == name_for("web", "a") != name_for("web", "b")
    True
    """
    digest = hashlib.sha256("\n".join(what_for).encode()).digest()
    return f"{pool[:POOL_LIMIT]}-" + "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:5])
