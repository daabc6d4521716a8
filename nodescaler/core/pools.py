"""Which instance types a pool allows at all, and what to say when it is none.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nodescaler.core.labels import INSTANCE_TYPE, Allowed, hint
from nodescaler.core.model import InstanceType, NodePool
from nodescaler.core.variants import templates

MOST_SHOWN = 5


def allowed_types(pool: NodePool, types: Iterable[InstanceType]) -> tuple[InstanceType, ...]:
    """The types with at least one offering that the pool's requirements accept, sold out or not."""
    labels = _own_labels(pool)
    return tuple(
        each
        for each in types
        if any(
            pool.requirements.accepts({**labels, **each.labels_of(offering)})
            for offering in each.offerings
        )
    )


def nothing_allowed(pool: NodePool, types: Sequence[InstanceType]) -> str | None:
    """What is wrong with a pool that allows none of *types*; None when it allows some."""
    if allowed_types(pool, types):
        return None
    if not types:
        return f"{pool.kind} {pool.name}: its node class offers no instance types"
    start = f"{pool.kind} {pool.name} allows none of the {len(types)} instance types on offer"
    own = _own_labels(pool)
    for key, allowed in pool.requirements.items():
        if key in own:
            continue
        offered = _offered(key, types)
        if not any(value in allowed for value in offered):
            near = _hint(key, allowed, offered)
            return f"{start}: {key} {allowed}; on offer: {_shown(offered)}{near}"
    return f"{start}: no type meets all of {pool.requirements}"


def _own_labels(pool: NodePool) -> Mapping[str, str]:
    """What every node of the pool is labelled, whatever its type."""
    return templates(pool, ())[0].labels


def _offered(key: str, types: Iterable[InstanceType]) -> list[str | None]:
    """Every value of a label over all offerings; None where it is missing."""
    values = {each.labels_of(offering).get(key) for each in types for offering in each.offerings}
    return sorted(values, key=lambda value: (value is None, value or ""))


def _shown(values: Sequence[str | None]) -> str:
    texts = ["(no such label)" if value is None else value for value in values]
    return ", ".join(texts[:MOST_SHOWN]) + (", ..." if len(texts) > MOST_SHOWN else "")


def _hint(key: str, allowed: Allowed, offered: Iterable[str | None]) -> str:
    if key != INSTANCE_TYPE or allowed.complement:
        return ""
    known = [value for value in offered if value is not None]
    hints = (hint(value, known) for value in sorted(allowed.values))
    return next((text for text in hints if text), "")
