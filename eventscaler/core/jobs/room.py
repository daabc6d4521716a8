"""How many Jobs may start beside those that there are. One account for all four strategies.

    covered = pending + share x begun     what is in flight and does the queue's work already
    start   = needed - deduction - covered, at most the free slots

A pending Job has taken no message yet, so it always covers one. Of the Jobs that have begun, the
strategy says which share still has its message in the queue:

    default   1      a message leaves the queue when its Job ends
    accurate  0      a message leaves the queue when its Job takes it
    eager     0
    custom    customScalingRunningJobPercentage; the deduction is custom's, too

Without pending Jobs these are KEDA's formulas. With pending ones KEDA's eager (and its custom)
starts them again at each poll until the maximum is reached; while nodes start that is every time.
And KEDA's custom may exceed the maximum, which here no strategy does.

The first minReplicaCount Jobs stand by: they are no part of the account, begun ones first. The
maximum counts all Jobs, also those that are being deleted.

Pure.
"""

from __future__ import annotations

from fractions import Fraction

from eventscaler.core.jobs.model import JobSettings, Strategy, Tally

SHARES = {
    Strategy.DEFAULT: Fraction(1),
    Strategy.ACCURATE: Fraction(0),
    Strategy.EAGER: Fraction(0),
}


def most(settings: JobSettings) -> int:
    """Jobs that the queue may have at a time, the standing ones left out."""
    return settings.max - settings.floor


def standing(tally: Tally, settings: JobSettings) -> int:
    """Jobs to start so that minReplicaCount stand by.

    >>> standing(Tally(begun=1), JobSettings(min=3)), standing(Tally(pending=9), JobSettings(min=3))
    (2, 0)
    >>> standing(Tally(leaving=2), JobSettings(min=3, max=3))
    1
    """
    free = max(0, settings.max - tally.in_flight - tally.leaving)
    return min(max(0, settings.floor - tally.in_flight), free)


def start(needed: int, tally: Tally, settings: JobSettings) -> int:
    """Jobs to start for the queue, when it asks for *needed*.

    >>> busy = Tally(begun=2, pending=1)
    >>> [start(5, busy, JobSettings(strategy=each)) for each in ("default", "accurate", "eager")]
    [2, 4, 4]
    >>> start(5, busy, JobSettings(strategy=Strategy.ACCURATE, max=6))
    3
    """
    spare_begun = min(tally.begun, settings.floor)
    begun = tally.begun - spare_begun
    pending = max(0, tally.pending - (settings.floor - spare_begun))
    slots = most(settings) - begun - pending - tally.leaving
    custom = settings.strategy is Strategy.CUSTOM
    share = settings.share if custom else SHARES[settings.strategy]
    covered = pending + int(begun * share)
    deduction = settings.deduction if custom else 0
    return max(0, min(needed - deduction - covered, slots))
