"""The step between the count that is wanted and the count that is asked for.

HPA v2 bounds each move by policies per direction and holds a fall back for a stabilisation window
(300 s unless set). This step applies the part of it that opens or closes a direction; every other
move is made at once, up and down. Limits are not its business: `decide` applies them after it.

Pure.
"""

from __future__ import annotations

from eventscaler.core.model import Behavior


def step(current: int, wanted: int, behavior: Behavior) -> int:
    """The count to ask for on the way from *current* to *wanted*.

    >>> step(3, 9, Behavior()), step(3, 9, Behavior(may_rise=False))
    (9, 3)
    >>> step(3, 0, Behavior(may_fall=False))
    3
    """
    if wanted > current and not behavior.may_rise:
        return current
    if wanted < current and not behavior.may_fall:
        return current
    return wanted
