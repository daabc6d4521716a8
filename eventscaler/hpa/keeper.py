"""Keeps one HPA for each ScaledObject that wants one: written only when it is not as it should be.

An HPA belongs to the ScaledObject that its controller reference names by uid; one that does not is
never changed and never deleted, unless the ScaledObject asks for it by name and annotation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from eventscaler.core.hpa import (
    Metric,
    Owner,
    Range,
    Wish,
    controller_of,
    equal_names,
    hpa_body,
    labelled_otherwise,
    specified_otherwise,
    updated,
)
from eventscaler.decode.hpa import ADOPT
from eventscaler.hpa.held import Change, Hpa, HpaCache, hpa_of
from kube.client import Client, Json
from kube.errors import AlreadyExists, Conflict, KubeError, NotFound, NotLeading
from kube.resources import HORIZONTAL_POD_AUTOSCALERS

log = structlog.get_logger()

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """How an HPA is now.

    Attributes:
        name: of the HPA that is ours; "" for none.
        hpa: as it is held; None when there is none, or it is not known.
        problem: why it is not as it should be; "" when it is.
        again: it was changed under us; look again soon.
    """

    name: str = ""
    hpa: Hpa | None = None
    problem: str = ""
    again: bool = False


class Keeper:
    """Args: *cache* is run by its owner; until it has the first list, nothing is written."""

    def __init__(self, client: Client, cache: HpaCache) -> None:
        self._client = client
        self._cache = cache
        # What was asked for and what the API server made of it, defaults of its own included.
        self._answers: dict[Key, tuple[Json, Json]] = {}
        cache.subscribe(self._forget)

    async def keep(
        self, owner: Owner, wish: Wish, limits: Range, metrics: Sequence[Metric], was: str
    ) -> Kept:
        """Make the HPA what it should be; *was* is the name under which there was one.

        Raises:
            NotLeading: this process may not write any more.
        """
        twins = equal_names(metrics)
        if twins:
            return Kept(was, problem=f"two metrics of one name: {', '.join(twins)}")
        if not self._cache.synced:
            error = self._cache.last_error
            problem = f"HPAs cannot be read: {error}" if error else ""
            return Kept(was, problem=problem, again=not error)
        wanted = hpa_body(owner, wish, limits, metrics)
        name = wish.name_for(owner.name)
        try:
            if was and was != name:
                await self._delete(owner, was)  # first: two HPAs of one workload both stop
            return await self._settle(owner, wish, name, wanted)
        except NotLeading:
            raise
        except Conflict:
            return Kept(was, again=True)
        except KubeError as error:
            return Kept(was, problem=f"HPA {owner.namespace}/{name} cannot be written: {error}")

    def owned(self, owner: Owner, name: str) -> bool:
        """Whether there is an HPA *name* of the owner's, as far as is known."""
        held = self._cache.get(name, owner.namespace)
        return held is not None and controller_of(held.body) == owner.uid

    async def drop(self, owner: Owner, name: str) -> Kept:
        """Take the HPA *name* away if it is the owner's.

        Raises:
            NotLeading: this process may not write any more.
        """
        try:
            await self._delete(owner, name)
        except NotLeading:
            raise
        except KubeError as error:
            return Kept(name, problem=f"HPA {owner.namespace}/{name} cannot be deleted: {error}")
        return Kept()

    def made(self, hpa: Hpa) -> bool:
        """Whether this very version is what the API answered to our last write."""
        answer = self._answers.get(hpa.metadata.key)
        return answer is not None and answer[1] is hpa.spec

    async def _settle(self, owner: Owner, wish: Wish, name: str, wanted: Any) -> Kept:
        held = self._cache.get(name, owner.namespace)
        if held is None:
            try:
                return self._took(wanted, await self._client.create(_HPAS, wanted))
            except AlreadyExists:  # the watch has not shown it yet
                held = hpa_of(await self._client.get(_HPAS, name, namespace=owner.namespace))
        foreign = controller_of(held.body) != owner.uid
        if foreign and not wish.adopt:
            told = f"HPA {owner.namespace}/{name} is there already and belongs to somebody else"
            return Kept(problem=f'{told}; annotate {ADOPT}: "true" to take it over')
        if not self._differs(held, wanted):
            return Kept(name, held)
        log.info("HPA is not as it should be", object=f"{owner.namespace}/{name}", decided="update")
        fresh = await self._client.get(_HPAS, name, namespace=owner.namespace)
        return self._took(wanted, await self._client.replace(_HPAS, dict(updated(fresh, wanted))))

    def _differs(self, held: Hpa, wanted: Json) -> bool:
        answered = self._answers.get(held.metadata.key) == (wanted["spec"], held.spec)
        otherwise = not answered and specified_otherwise(held.body, wanted)
        return otherwise or labelled_otherwise(held.body, wanted)

    def _took(self, wanted: Json, answer: Json) -> Kept:
        hpa = hpa_of(answer)
        self._answers[hpa.metadata.key] = (wanted["spec"], hpa.spec)
        self._cache.put(hpa)
        return Kept(hpa.metadata.name, hpa)

    async def _delete(self, owner: Owner, name: str) -> None:
        self._answers.pop((owner.namespace, name), None)
        try:
            found = await self._client.get(_HPAS, name, namespace=owner.namespace)
            if controller_of(found) == owner.uid:
                uid = str(found["metadata"]["uid"])
                await self._client.delete(_HPAS, name, namespace=owner.namespace, uid=uid)
                log.info("HPA deleted", object=f"{owner.namespace}/{name}")
        except NotFound:
            return

    def _forget(self, change: Change[Hpa]) -> None:
        if change.new is None and change.old is not None:
            self._answers.pop(change.old.metadata.key, None)


_HPAS = HORIZONTAL_POD_AUTOSCALERS
