"""Who uses which Secret, ConfigMap or file, and who must hear that one changed.

Watched is only where something is referenced: one watch per kind and namespace, and beyond `WIDE`
namespaces one for all, where that is permitted. Of an object nothing but its version is known here;
see `kube.versions`. Files are looked at once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from eventscaler.auth.files import FILE, signatures
from eventscaler.auth.objects import Ref
from kube.client import Client
from kube.resources import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from kube.versions import Key, Versions

KINDS = {resource.kind: resource for resource in (SECRETS, CONFIG_MAPS, SERVICE_ACCOUNTS)}
WIDE = 32
LOOK_S = 1.0
EVERYWHERE = ""

Owner = TypeVar("Owner", bound=Hashable)  # names the object that uses something
Place = tuple[str, str]  # kind and namespace, EVERYWHERE for all
Used = Mapping[Ref, str]


class Watcher(Generic[Owner]):
    """Follows what owners use.

    Args:
        changed: called with what changed and those who read it before; must return soon.
    """

    def __init__(self, client: Client, changed: Callable[[Ref, frozenset[Owner]], None]) -> None:
        self._client = client
        self._changed = changed
        self._used: dict[Owner, Used] = {}
        self._users: dict[Ref, set[Owner]] = {}
        self._refs: dict[Place, set[Ref]] = {}  # those in `_users`, by where they are
        self._spaces: dict[str, set[str]] = {kind: set() for kind in (*KINDS, FILE)}
        self._watches: dict[Place, tuple[Versions, asyncio.Task[None]]] = {}
        self._narrow: set[str] = set()  # kinds that may not be watched everywhere
        self._files = asyncio.Event()  # set while some file is used
        self._group: asyncio.TaskGroup | None = None

    def places(self) -> frozenset[Place]:
        """What is watched now."""
        return frozenset(self._watches)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for kind in KINDS:
                self._arrange(kind)
            group.create_task(self._look())

    def follow(self, owner: Owner, used: Used) -> bool:
        """*owner* uses these, as read at these versions; whether one of them has changed since."""
        before = self._used.pop(owner, {})
        for ref in used.keys() - before.keys():  # first: a watch that both need goes on
            self._take(ref, owner)
        for ref in before.keys() - used.keys():
            self._release(ref, owner)
        if used:
            self._used[owner] = used
        return any(self._moved(ref, version) for ref, version in used.items())

    def forget(self, owner: Owner) -> None:
        if owner in self._used:
            self.follow(owner, {})

    def _take(self, ref: Ref, owner: Owner) -> None:
        self._users.setdefault(ref, set()).add(owner)
        self._refs.setdefault((ref.kind, ref.namespace), set()).add(ref)
        if ref.namespace not in self._spaces[ref.kind]:
            self._spaces[ref.kind].add(ref.namespace)
            self._arrange(ref.kind)

    def _release(self, ref: Ref, owner: Owner) -> None:
        users = self._users[ref]
        users.discard(owner)
        if users:
            return
        del self._users[ref]
        place = (ref.kind, ref.namespace)
        self._refs[place].discard(ref)
        if not self._refs[place]:
            del self._refs[place]
            self._spaces[ref.kind].discard(ref.namespace)
            self._arrange(ref.kind)

    def _arrange(self, kind: str) -> None:
        """Start the watches of *kind* that are missing, end those that nobody needs."""
        if kind == FILE:
            (self._files.set if self._spaces[FILE] else self._files.clear)()
        if self._group is None or kind == FILE:
            return
        spaces = self._spaces[kind]
        narrow = len(spaces) <= WIDE or kind in self._narrow
        wanted = {(kind, space) for space in (spaces if narrow else {EVERYWHERE})}
        for place in wanted - self._watches.keys():
            self._watches[place] = self._begun(self._group, place)
        for place in [each for each in self._watches if each[0] == kind and each not in wanted]:
            self._watches.pop(place)[1].cancel()

    def _begun(self, group: asyncio.TaskGroup, place: Place) -> tuple[Versions, asyncio.Task[None]]:
        kind, space = place

        def told(key: Key | None) -> None:
            self._tell([Ref(kind, *key)] if key else self._within(kind, space))

        def denied() -> None:
            if space == EVERYWHERE:
                self._narrow.add(kind)
                self._arrange(kind)

        found = Versions(self._client, KINDS[kind], told, namespace=space or None, denied=denied)
        return found, group.create_task(found.run())

    def _within(self, kind: str, space: str) -> list[Ref]:
        spaces = self._spaces[kind] if space == EVERYWHERE else {space}
        return [ref for each in spaces for ref in self._refs.get((kind, each), ())]

    def _moved(self, ref: Ref, since: str) -> bool:
        for place in ((ref.kind, ref.namespace), (ref.kind, EVERYWHERE)):
            if place in self._watches:
                return self._watches[place][0].moved((ref.namespace, ref.name), since)
        return False

    def _tell(self, refs: Iterable[Ref]) -> None:
        for ref in refs:
            users = self._users.get(ref, ())
            concerned = {each for each in users if self._moved(ref, self._used[each][ref])}
            if concerned:
                self._changed(ref, frozenset(concerned))

    async def _look(self) -> None:
        """Compare the files that are used with what they were when they were read."""
        while True:
            await self._files.wait()
            await asyncio.sleep(LOOK_S)
            paths = [ref.name for ref in self._within(FILE, EVERYWHERE)]
            for path, version in (await asyncio.to_thread(signatures, paths)).items():
                ref = Ref(FILE, "", path)
                users = self._users.get(ref, ())
                concerned = {each for each in users if self._used[each][ref] != version}
                if concerned:
                    self._changed(ref, frozenset(concerned))
