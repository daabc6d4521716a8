"""Which strategy each built-in kind follows."""

from __future__ import annotations

from collections.abc import Mapping

from tandem.sandbox.builtins.strategy import Strategy

STRATEGIES: Mapping[str, Strategy] = {}
PLAIN = Strategy()


def strategy_of(qualified: str) -> Strategy:
    return STRATEGIES.get(qualified, PLAIN)
