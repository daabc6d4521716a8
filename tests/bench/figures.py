"""What a line of a table says: figures as text, and whether its targets are met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

UNKNOWN = "–"
ROUNDING = 1e-9  # sums of prices in another order


def below(cost: float, other: float) -> float | None:
    """How far *cost* is below *other*, in percent of *other*; None where there is no other."""
    return 100 * (1 - cost / other) if other > 0 else None


# ---------------------------------------------------------------- targets


@dataclass(frozen=True, slots=True)
class Target:
    """What a line should reach; *met* is None where it could not be told."""

    text: str
    met: bool | None


def at_most(what: str, value: float | None, most: float) -> Target:
    return Target(f"{what} ≤ {most:g}", None if value is None else value <= most + ROUNDING)


def at_least(what: str, value: float | None, least: float) -> Target:
    return Target(f"{what} ≥ {least:,g}", None if value is None else value >= least - ROUNDING)


def verdict(targets: Sequence[Target]) -> tuple[str, str]:
    """Two cells: the targets, and whether all are met; the ones that are not by name."""
    missed = [target.text for target in targets if target.met is False]
    unknown = any(target.met is None for target in targets)
    met = f"**no**: {', '.join(missed)}" if missed else UNKNOWN if unknown else "yes"
    return ", ".join(target.text for target in targets) or UNKNOWN, met if targets else UNKNOWN


# ---------------------------------------------------------------- cells


def number(value: float | None, digits: int = 0) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def price(usd_per_hour: float) -> str:
    """Dollars per hour; zero is a price that the planner did not tell."""
    return number(usd_per_hour, 2) if usd_per_hour > 0 else UNKNOWN


def span(values: Iterable[float | None], digits: int = 1) -> str:
    """Least and greatest of what is known."""
    known = [value for value in values if value is not None]
    return f"{min(known):,.{digits}f} to {max(known):,.{digits}f}" if known else UNKNOWN
