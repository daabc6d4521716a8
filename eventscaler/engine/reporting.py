"""How a turn reports: the status of its object, and Events about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from eventscaler.core.status import Status
from eventscaler.engine.registry import SCALED
from eventscaler.engine.tracked import Counts, Tracked
from eventscaler.scaling.events import Notice
from kube.client import Client, Json
from kube.errors import KubeError, NotFound, NotLeading
from kube.events import Recorder, Reference

log = structlog.get_logger()


class Reporter:
    def __init__(self, client: Client, recorder: Recorder, counts: Counts) -> None:
        self._client = client
        self._recorder = recorder
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
            return False
        self._counts.reported += 1
        tracked.status = status
        tracked.written_at = asyncio.get_running_loop().time()
        return True

    def say(self, tracked: Tracked, notices: Iterable[Notice]) -> None:
        namespace, name, kind = tracked.key
        about = Reference(SCALED[kind].api_version, kind, name, namespace, tracked.uid)
        for notice in notices:
            self._recorder.emit(
                about, type=notice.type, reason=notice.reason, message=notice.message
            )
