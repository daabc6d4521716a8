"""Names for Jobs, by which starting one twice is one start.

A name follows from the ScaledJob's UID and the Job's sequence number, and the numbers follow from
the Jobs that are listed. So whoever looks at the same Jobs would start the next ones under the same
names, and of two attempts the API lets one through:

    a crash between starts        the next process lists what was started and goes on behind it
    a start without an answer     its number is tried first the next time: there, or started now
    two processes for a moment    both choose the same numbers

Numbers go up while a process lives, also when the history keeps no Job, so that a name is not soon
used again.

Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from eventscaler.core.jobs.model import Job

DIGITS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, and none that looks like another, as upstream
TAIL = 8
NAME_LIMIT = 63  # a Job's name is a label of its pods


def name_of(owner: str, uid: str, sequence: int) -> str:
    """The name of one Job.

    >>> name_of("orders", "8d5b", 1), name_of("orders", "8d5b", 2)
    ('orders-56vnmmlz', 'orders-mn42vh8s')
    >>> len(name_of("x" * 63, "8d5b", 1))
    63
    """
    number = int.from_bytes(hashlib.sha256(f"{uid}/{sequence}".encode()).digest())
    tail = ""
    for _ in range(TAIL):
        number, digit = divmod(number, len(DIGITS))
        tail += DIGITS[digit]
    return f"{owner[: NAME_LIMIT - 1 - TAIL].rstrip('.-')}-{tail}"


def numbers(count: int, jobs: Sequence[Job], last: int, doubtful: Sequence[int]) -> tuple[int, ...]:
    """The sequence numbers of the next *count* Jobs.

    Args:
        count: how many.
        jobs: those that there are.
        last: the highest that this process knows to be used.
        doubtful: numbers whose start was not confirmed.

    >>> numbers(3, [], last=7, doubtful=[5])
    (5, 8, 9)
    """
    there = {job.sequence for job in jobs}
    again = [number for number in sorted(doubtful) if number not in there]
    first = max([last, *there, *again]) + 1
    return tuple([*again, *range(first, first + count)][:count])
