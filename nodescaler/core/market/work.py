"""Work, counted in about seconds: what a budget is spent on, instead of the time on a clock.

The same input does the same work, so a budget of work always ends at the same place. The prices
are measured on one core of a 2024 server; a slower machine takes longer for the same plan.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SIMPLEX_STEP_S = 8e-6  # and for each row of the programme:
SIMPLEX_ROW_S = 6e-8
FILL_RANK_S = 1.5e-5  # one class looked at for all offers
FILL_CELL_S = 3e-8  # and for each offer
PROGRAMME_S = 1e-3  # to set one up and read it
TREE_S = 4e-3  # to set up one with whole numbers
TREE_STEP_S = 9e-5  # and for each of its simplex steps, cuts and all
REST_S = 2e-3  # to fill gaps and settle nodes once
CLASS_S = 1.5e-5  # and for each class
TABLE_S = 2e-3  # to set up and read a table of `knapsack`


def never() -> bool:
    """Nobody says stop."""
    return False


@dataclass(slots=True)
class Meter:
    """What is left of a budget, and whether somebody wants an end to it."""

    budget_s: float
    stop: Callable[[], bool]
    spent_s: float = 0.0
    stopped: bool = False

    def start(self, budget_s: float) -> None:
        """Begin another budget with nothing spent of it."""
        self.budget_s, self.spent_s = budget_s, 0.0

    def ended(self) -> bool:
        """The caller says stop."""
        self.stopped = self.stopped or self.stop()
        return self.stopped

    def spend(self, seconds: float) -> None:
        self.spent_s += seconds

    def over(self, about_to_spend_s: float = 0.0) -> bool:
        """The budget does not last for so much more, or the caller says stop."""
        return self.ended() or self.spent_s + about_to_spend_s > self.budget_s


def simplex_s(steps: int, rows: int) -> float:
    return PROGRAMME_S + steps * (SIMPLEX_STEP_S + rows * SIMPLEX_ROW_S)


def fill_s(ranks: int, offers: int) -> float:
    return ranks * (FILL_RANK_S + offers * FILL_CELL_S)
