"""The bound triggers of each object: bound anew when they changed, failed or grew old."""

from __future__ import annotations

import asyncio

from eventscaler.decode import Scalable
from eventscaler.engine.tracked import Tracked
from eventscaler.scaling.binding import Binder, Binding


class Bindings:
    """Makes and keeps bindings.

    Args:
        refresh_s: a binding that borrows from elsewhere is renewed when it is older.
    """

    def __init__(self, binder: Binder, *, refresh_s: float) -> None:
        self._binder = binder
        self._refresh_s = refresh_s

    async def of(self, tracked: Tracked, order: Scalable) -> Binding:
        """The triggers of *order* to read now."""
        now = asyncio.get_running_loop().time()
        fresh = not order.borrows or now - tracked.bound_at < self._refresh_s
        if tracked.binding is not None and fresh:
            return tracked.binding
        binding = await self._binder.bind(order)
        tracked.bound_at = now
        keep = (binding.complete or binding.refused) and not tracked.again  # else edited meanwhile
        tracked.binding = binding if keep else None
        return binding

    def doubt(self, tracked: Tracked) -> None:
        """A reading failed: the credentials may have been rotated."""
        tracked.binding = None
