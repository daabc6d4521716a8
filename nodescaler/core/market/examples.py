"""A market small enough to check by hand, for the examples in docstrings.

Pure.
"""

from __future__ import annotations

import numpy as np

from nodescaler.core.market.model import Market


def small() -> Market:
    """Two pods of 2 cpu and 4 GiB, four of 1 and 1; 4 cpu and 8 GiB at 1 dollar, twice that at 3.

    >>> small().need.tolist(), small().free.tolist()
    ([[2, 4], [1, 1]], [[4, 8], [8, 16]])
    """
    return Market(
        need=np.array([[2, 4], [1, 1]]),
        count=np.array([2, 4]),
        priority=np.array([0, 0]),
        free=np.array([[4, 8], [8, 16]]),
        price=np.array([1.0, 3.0]),
        accepts=np.ones((2, 2), dtype=np.bool_),
        usage=np.zeros((0, 2), dtype=np.int64),
        room=np.zeros(0, dtype=np.int64),
    )
