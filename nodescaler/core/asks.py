"""What a class asks for, and what it asks for when it cannot have all of it.

Wishes are demands until they are given up, one at a time, in Karpenter's order: preferred pod
affinity (the heaviest first), preferred pod anti-affinity, preferred node affinity, a
ScheduleAnyway spread, and in the end the avoidance of PreferNoSchedule taints. The OR-terms of
required node affinity need no such step: all of them are open from the start.

Pure. Source: karpenter.md 2(a), step 10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce

from nodescaler.core.classes import PodClass
from nodescaler.core.demands import PodTerm, Preference, Spread, Volume
from nodescaler.core.labels import Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.settings import PreferencePolicy
from nodescaler.core.taints import Taint, Toleration

MOST_ALTERNATIVES = 64  # of OR-terms times volumes; more would be a manifest gone wrong


@dataclass(frozen=True, slots=True)
class Ask:
    """Demands, wishes included as far as they have not been given up.

    Attributes:
        alternatives: required node labels; one must be met. None of them: nowhere.
        beside: terms that one and the same pod must match, all of them.
        hard_only: whether PreferNoSchedule taints may be ignored.
        wishes: about company, as far as they still hold; they bind nobody but the pod itself.
    """

    alternatives: tuple[Requirements, ...]
    tolerations: tuple[Toleration, ...]
    beside: tuple[PodTerm, ...] = ()
    apart: tuple[PodTerm, ...] = ()
    spreads: tuple[Spread, ...] = ()
    hard_only: bool = True
    wishes: Wishes = field(default_factory=lambda: NO_WISHES)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a pod would like, in the order in which it is given up."""

    company: tuple[PodTerm, ...] = ()
    distance: tuple[PodTerm, ...] = ()
    nodes: tuple[Preference, ...] = ()
    spreads: tuple[Spread, ...] = ()
    taints: bool = False
    avoided: tuple[str, ...] = ()

    def __len__(self) -> int:
        lists = (self.company, self.distance, self.nodes, self.spreads)
        return sum(map(len, lists)) + self.taints

    def without(self, steps: int) -> Wishes:
        """What is left after giving up so many."""
        if not steps:
            return self
        sizes = [len(each) for each in (self.company, self.distance, self.nodes, self.spreads)]
        gone = [max(min(steps - sum(sizes[:n]), sizes[n]), 0) for n in range(len(sizes))]
        return Wishes(
            self.company[gone[0] :],
            self.distance[gone[1] :],
            self.nodes[gone[2] :],
            self.spreads[gone[3] :],
            taints=self.taints and steps <= sum(sizes),
            avoided=self.avoided,
        )

    def given_up(self, steps: int) -> list[str]:
        """The first so many, in words."""
        return list(self._words())[:steps]

    def _words(self) -> Iterator[str]:
        for term in self.company:
            yield f"preferred pod affinity over {term.topology_key} ({term.selector})"
        for term in self.distance:
            yield f"preferred pod anti-affinity over {term.topology_key} ({term.selector})"
        for wish in self.nodes:
            yield f"preferred node affinity ({wish.terms})"
        for spread in self.spreads:
            yield f"ScheduleAnyway spread over {spread.topology_key}"
        if self.taints:
            yield f"avoiding PreferNoSchedule taints ({', '.join(self.avoided)})"


NO_WISHES: Wishes = Wishes()


def wishes_of(pod: PodSpec, policy: PreferencePolicy, soft_taints: Sequence[Taint]) -> Wishes:
    """What *pod* would like under *policy*; *soft_taints* are those there are to avoid."""
    plain = not (pod.company or pod.preferences or soft_taints)
    if policy is PreferencePolicy.IGNORE or (plain and all(each.hard for each in pod.spreads)):
        return NO_WISHES
    company = sorted((w for w in pod.company if w.weight > 0), key=lambda w: -w.weight)
    distance = sorted((w for w in pod.company if w.weight < 0), key=lambda w: w.weight)
    avoided = [t for t in soft_taints if not any(each.tolerates(t) for each in pod.tolerations)]
    return Wishes(
        company=tuple(wish.term for wish in company),
        distance=tuple(wish.term for wish in distance),
        nodes=tuple(sorted(pod.preferences, key=lambda wish: -wish.weight)),
        spreads=tuple(spread for spread in pod.spreads if not spread.hard),
        taints=bool(avoided),
        avoided=tuple(map(str, avoided)),
    )


def ask_of(each: PodClass, wishes: Wishes) -> Ask:
    """The demands of a class together with these wishes."""
    pod = each.sample
    wanted = combined(pod.alternatives, each.volumes)
    if wishes.nodes:  # of several, the heaviest; the others follow when it is given up
        wanted = _crossed(wanted, (wishes.nodes[0].terms,))
    return Ask(
        alternatives=wanted,
        tolerations=pod.tolerations,
        beside=pod.beside,
        apart=pod.apart,
        spreads=tuple(spread for spread in pod.spreads if spread.hard),
        hard_only=not wishes.taints,
        wishes=wishes,
    )


def combined(
    alternatives: tuple[Requirements, ...], volumes: Sequence[Volume]
) -> tuple[Requirements, ...]:
    """The node labels that suit both the pod and its volumes."""
    return reduce(_crossed, (volume.alternatives for volume in volumes), alternatives)


def _crossed(
    one: tuple[Requirements, ...], other: tuple[Requirements, ...]
) -> tuple[Requirements, ...]:
    """Every pair that can be met at once."""
    if len(other) == 1 and not other[0]:
        return one
    pairs = (a & b for a in one for b in other)
    possible = dict.fromkeys(pair for pair in pairs if all(pair.values()))
    return tuple(possible)[:MOST_ALTERNATIVES]
