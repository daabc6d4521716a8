"""How a turn reports: the status of its object, and Events about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from eventscaler.core.faults import Fault
from eventscaler.core.status import Status
from eventscaler.engine.registry import SCALED
from eventscaler.engine.teller import Teller
from eventscaler.engine.tracked import Counts, Tracked
from eventscaler.scaling.events import Notice, cautions
from kube.client import Client, Json
from kube.errors import Denied, Invalid, KubeError, NotFound, NotLeading
from kube.events import Reference

log = structlog.get_logger()

LASTING = (Denied, Invalid)
BROKEN = "an error inside Tandem keeps it from being scaled; the operator's log has it"


class Reporter:
    def __init__(self, client: Client, teller: Teller, counts: Counts) -> None:
        self._client = client
        self._teller = teller
        self._counts = counts

    async def write(self, tracked: Tracked, status: Status, patch: Json) -> bool:
        """Make *status* the object's by *patch*, unless that is empty; whether it was written.

        Raises:
            NotLeading: this process may not write any more.
        """
        if not patch["status"]:
            return False
        namespace, name, kind = tracked.key
        try:
            await self._client.patch(
                SCALED[kind], name, patch, namespace=namespace, subresource="status"
            )
        except NotLeading:
            raise
        except NotFound:
            log.info("gone before its status was written", object=tracked.name)
            return False
        except KubeError as error:
            log.warning("status not written", object=tracked.name, why=str(error))
            self._refused(tracked, error)
            return False
        self._counts.reported += 1
        tracked.unwritten = ""
        tracked.status = status
        tracked.written_at = asyncio.get_running_loop().time()
        return True

    def _refused(self, tracked: Tracked, error: KubeError) -> None:
        """Tell of what will not pass by itself; once, as it is found again with each try."""
        if isinstance(error, LASTING) and str(error) != tracked.unwritten:
            tracked.unwritten = str(error)
            text = f"its status cannot be written: {error}"
            self.say(tracked, [Notice(f"{tracked.key.kind}UpdateFailed", text, warning=True)])

    def warn(self, tracked: Tracked, odd: tuple[Fault, ...]) -> None:
        """Tell what is *odd* about a manifest that works all the same, when that is news."""
        if odd != tracked.told:
            self.say(tracked, cautions(odd))
            tracked.told = odd

    def say(self, tracked: Tracked, notices: Iterable[Notice]) -> None:
        found = tuple(notices)
        if found:  # most turns tell nothing
            self._teller.say(about(tracked), found)


def about(tracked: Tracked) -> Reference:
    """The object, as Events refer to it."""
    namespace, name, kind = tracked.key
    return Reference(SCALED[kind].api_version, kind, name, namespace, tracked.uid)
