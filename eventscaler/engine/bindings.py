"""The bound triggers of each object, kept fresh: while the old ones serve, new ones are made.

Bound anew is what was edited, what was made of something that changed, what was read in vain, what
has credentials that end, and what is old. Only after an edit, or when there is nothing that could
serve, does a turn wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from eventscaler.auth import Ref
from eventscaler.auth.watching import Watcher
from eventscaler.decode import Scalable
from eventscaler.engine.schedule import Key
from eventscaler.engine.tracked import Tracked
from eventscaler.scaling.binding import Binder, Binding
from kube.client import Client
from kube.values.times import Now

log = structlog.get_logger()

RECHECK_S = 0.5  # after something changed between its being read and its being watched
RENEWED_AT = 0.8  # of the life of credentials
AT_A_TIME = 16  # renewals begun before others have their turns


class Bindings:
    """Makes and renews bindings.

    Args:
        find: the object of a key, as long as there is one.
        due: called with an object whose next turn is wanted now.
        refresh_s: a binding that borrows from elsewhere is renewed when it is older.
    """

    def __init__(
        self,
        client: Client,
        binder: Binder,
        *,
        find: Callable[[Key], Tracked | None],
        due: Callable[[Tracked, float], None],
        now: Now,
        refresh_s: float,
    ) -> None:
        self._binder = binder
        self._find = find
        self._due = due
        self._now = now
        self._refresh_s = refresh_s
        self._watcher: Watcher[Key] = Watcher(client, self._changed)
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Watch what bindings are made of and renew them, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._watcher.run())

    async def of(self, tracked: Tracked, order: Scalable) -> Binding:
        """The triggers of *order* to read now."""
        held = tracked.binding
        if held is None or self._has_ended(held):
            return await self._bind(tracked, order)
        if order.borrows and self._is_old(tracked, held):
            self._renew(tracked)
        return held

    def doubt(self, tracked: Tracked) -> None:
        """A reading failed: the credentials may have been rotated where nobody watches."""
        tracked.doubted = True
        if tracked.binding is not None:  # else its next turn binds it
            self._renew(tracked)

    def forget(self, key: Key) -> None:
        self._watcher.forget(key)

    def _has_ended(self, held: Binding) -> bool:
        return held.until is not None and self._now() >= held.until

    def _is_old(self, tracked: Tracked, held: Binding) -> bool:
        age_s = asyncio.get_running_loop().time() - tracked.bound_at
        if held.until is None:
            return age_s >= self._refresh_s
        left = held.until - self._now()
        return age_s >= min(self._refresh_s, left.total_seconds() * RENEWED_AT / (1 - RENEWED_AT))

    async def _bind(self, tracked: Tracked, order: Scalable) -> Binding:
        edits, held = tracked.edits, tracked.binding
        made = await self._made(tracked, order)
        if not self._is_current(tracked, edits):
            return made
        if made.passing and held is not None:
            return held  # at its end, but perhaps not past it
        self._keep(tracked, made)
        return made

    async def _made(self, tracked: Tracked, order: Scalable) -> Binding:
        doubted, tracked.doubted = tracked.doubted, False
        return await self._binder.bind(order, doubted=doubted)

    def _is_current(self, tracked: Tracked, edits: int) -> bool:
        """Whether what was just bound is what is wanted still."""
        return tracked.edits == edits and self._find(tracked.key) is tracked

    def _keep(self, tracked: Tracked, made: Binding) -> None:
        tracked.bound_at = asyncio.get_running_loop().time()
        tracked.binding = made if made.complete or made.refused else None
        if self._watcher.follow(tracked.key, made.used):
            loop = asyncio.get_running_loop()
            loop.call_later(RECHECK_S, self._again, {tracked.key})

    def _changed(self, ref: Ref, keys: frozenset[Key]) -> None:
        """*ref* is not as these read it."""
        self._binder.forget(ref)
        self._again(keys)

    def _again(self, keys: Iterable[Key]) -> None:
        found = sorted(keys)
        if len(found) <= AT_A_TIME or self._group is None:
            self._renew_all(found)
        else:
            self._group.create_task(self._spread(found))

    async def _spread(self, keys: list[Key]) -> None:
        """Let others have their turns between: ten thousand may use what changed."""
        for start in range(0, len(keys), AT_A_TIME):
            self._renew_all(keys[start : start + AT_A_TIME])
            await asyncio.sleep(0)

    def _renew_all(self, keys: Iterable[Key]) -> None:
        for key in keys:
            tracked = self._find(key)
            if tracked is not None:
                self._renew(tracked)

    def _renew(self, tracked: Tracked) -> None:
        """Bind *tracked* anew beside its turns; where nothing can serve meanwhile, in its turn."""
        if tracked.binding is None:
            self._told_at_once(tracked)
            return
        tracked.stale = True
        if not tracked.renewing and self._group is not None:
            tracked.renewing = True
            self._group.create_task(self._renewed(tracked))

    async def _renewed(self, tracked: Tracked) -> None:
        try:
            while tracked.stale:
                tracked.stale = False
                await self._replace(tracked)
        except Exception:  # outermost frame: one object's trouble must not end the rest
            log.exception("credentials not renewed", object=tracked.name)
        finally:
            tracked.renewing = False

    async def _replace(self, tracked: Tracked) -> None:
        order, held, edits = tracked.order, tracked.binding, tracked.edits
        if order is None or held is None:
            return
        made = await self._made(tracked, order)
        if not self._is_current(tracked, edits):
            return
        if made.passing:
            tracked.bound_at = float("-inf")  # with its next turn once more
            log.info("credentials not renewed", object=tracked.name, why=why(made))
            return
        self._keep(tracked, made)
        if made == held:
            tracked.binding = held  # equal, and its sources' answers are shared already
        else:
            self._told_at_once(tracked)

    def _told_at_once(self, tracked: Tracked) -> None:
        """Take a turn now, and report what it finds without delay."""
        tracked.written_at = float("-inf")
        self._due(tracked, 0.0)


def why(made: Binding) -> str:
    return "; ".join(one.error for one in made.asked if one.error)
