"""The two halves of the operator, as the composition root sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from eventscaler.metrics_api import Source
from kube.errors import KubeError
from kube.feed import Sink
from kube.shards import Keeper
from kube.values.backoff import Backoff
from tandem.handlers import Registry

log = structlog.get_logger()


class Engine(Sink, Protocol):
    """One half at work."""

    async def run(self) -> None: ...

    async def resync(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Half:
    """An engine, how it tells kopf of its events, who works by shards, who has metrics for HPAs."""

    engine: Engine
    register: Callable[[Registry, Sink], None]
    keeper: Keeper | None = None
    source: Source | None = None


async def resync(halves: Sequence[Half]) -> None:
    """List everything; a server that does not answer, or refuses, is asked again until it does."""
    patience, failures = Backoff(ceiling_s=10.0), 0
    waiting = list(halves)
    while waiting:
        try:
            await waiting[0].engine.resync()
            waiting.pop(0)
        except KubeError as error:
            failures += 1
            again_s = patience.after(failures)
            log.warning(
                "not listed", object="cluster", decided=f"again in {again_s:g} s", why=str(error)
            )
            await asyncio.sleep(again_s)
