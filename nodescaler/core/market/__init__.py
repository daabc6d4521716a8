"""Buying nodes for pods as a problem of numbers: a bound, first-fit, and the cheapest plan found.

Knows nothing of Kubernetes: `Market` has classes of pods and offers of nodes as arrays. Pure.
"""

from nodescaler.core.market.bound import lower_bound
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
from nodescaler.core.market.solve import solve

__all__ = [
    "Bound", "Feuds", "Load", "Market", "Shares", "Solution", "feuds_of", "first_fit",
    "lower_bound", "solve",
]  # fmt: skip
