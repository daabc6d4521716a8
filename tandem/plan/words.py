"""Pods and numbers in few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nodescaler.core.model import PodSpec

MOST_NAMED = 3


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "pod"), count(1200, "pod")
    ('1 pod', '1,200 pods')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def some(names: Sequence[str]) -> str:
    """The first few names.

    >>> some(["a", "b"]), some(["a", "b", "c", "d"])
    ('a, b', 'a, b, c and 1 more')
    """
    more = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown


def who(pods: Iterable[PodSpec]) -> str:
    """Pods by their owners, the most first: one by its name, several of one owner by their number.

    >>> who([PodSpec("shop", "web"), PodSpec("shop", "a"), PodSpec("shop", "b"), PodSpec("x", "c")])
    'shop/a, shop/b, shop/web and 1 more'
    """
    groups: dict[str, list[PodSpec]] = {}
    for pod in pods:
        owner = pod.owner
        key = f"{owner.kind} {pod.namespace}/{owner.name}" if owner else f"pod {pod.key}"
        groups.setdefault(key, []).append(pod)
    ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    shown = [
        members[0].key if len(members) == 1 else f"{count(len(members), 'pod')} of {owner}"
        for owner, members in ordered[:MOST_NAMED]
    ]
    more = sum(len(members) for _, members in ordered[MOST_NAMED:])
    text = ", ".join(shown)
    return f"{text} and {more:,} more" if more else text
