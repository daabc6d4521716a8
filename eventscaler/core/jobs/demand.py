"""From readings to the number of Jobs that the queue asks for.

A trigger asks for value / target Jobs, at most for as many as there is room for; several are
combined over the active ones, and the result is rounded up. An inactive trigger asks for nothing,
and so does a blind one: it starts no Job and keeps no other from starting one.

KEDA compares the queue lengths of triggers rather than the Jobs that they ask for, and reads a zero
as "unset" in min; here 100 messages at 100 each are less than 10 at 1 each, and zero is zero.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from eventscaler.core.jobs.model import Calculation
from eventscaler.core.model import Reading, Vote
from eventscaler.core.replicas import milli


def needed(readings: Sequence[Reading], calculation: Calculation, most: int) -> int:
    """Jobs that active triggers ask for together, from 0 to *most*.

    >>> two = [Reading(trigger="a", value=81, target=10), Reading(trigger="b", value=3, target=1)]
    >>> [needed(two, each, 100) for each in Calculation]
    [9, 3, 6, 12]
    """
    asked = [_asked(reading, most) for reading in readings if reading.is_active()]
    if not asked:
        return 0
    return min(most, ceil(_combined(asked, calculation)))


def vote(reading: Reading) -> Vote:
    """What one trigger asks for by itself, before any limit; None when it is blind.

    >>> str(vote(Reading(trigger="orders", value=81, target=10)))
    'orders: 81 at 10 each asks for 9'
    """
    active = reading.is_active()
    if active is None:
        return Vote(reading, None)
    return Vote(reading, ceil(_jobs(reading)) if active else 0)


def _combined(asked: Sequence[Fraction], calculation: Calculation) -> Fraction:
    match calculation:
        case Calculation.MAX:
            return max(asked)
        case Calculation.MIN:
            return min(asked)
        case Calculation.AVG:
            return sum(asked, Fraction()) / len(asked)
        case Calculation.SUM:
            return sum(asked, Fraction())


def _asked(reading: Reading, most: int) -> Fraction:
    return min(_jobs(reading), Fraction(most))


def _jobs(reading: Reading) -> Fraction:
    """Value by target, in whole thousandths, so that 0.3 at 0.1 each is 3 and not 4."""
    value = 0.0 if reading.value is None else reading.value
    return max(Fraction(), Fraction(milli(value), max(1, milli(reading.target))))
