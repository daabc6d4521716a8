"""Buying nodes for pods as a problem of numbers: a bound, first-fit, and the cheapest plan found.

Knows nothing of Kubernetes: `Market` has classes of pods and offers of nodes as arrays. Pure.
"""

from nodescaler.core.market.firstfit import first_fit
from nodescaler.core.market.model import (
    Bound,
    Feuds,
    Load,
    Market,
    Shares,
    Solution,
    feuds_of,
)
from nodescaler.core.market.solve import Compared, compared, solve
from nodescaler.core.market.study import lower_bound

__all__ = [
    "Bound", "Compared", "Feuds", "Load", "Market", "Shares", "Solution", "compared", "feuds_of",
    "first_fit", "lower_bound", "solve",
]  # fmt: skip
