"""Leader election through a Lease: at most one process writes, even when processes are paused.

The elector asks every `retry_s`. `gate()` is put into the client of everything that writes: it
compares the clock with the end of our term right before a request is sent, so a process that was
stopped, or whose machine slept, refuses its next write by itself, before it can learn that another
has taken over. The reasoning is in `kube.values.lease`.

The elector's own client must have no gate. Stop whatever writes before stopping `run`, which then
releases the Lease. `identity` must be different for each process, not only for each machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

import structlog

from kube.client import Client, Json, Priority
from kube.errors import Conflict, KubeError, NotFound, NotLeading
from kube.resources import LEASES
from kube.values import times
from kube.values.lease import Record, Sighting, Terms

log = structlog.get_logger()

Clock = Callable[[], float]


def boottime() -> float:
    """Seconds that go on while the process is stopped and while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidacy:
    """What all the Leases that one process competes for have in common.

    Attributes:
        client: without a gate.
        identity: unique to this process.
        now: the time to write into a Lease, for people to read.
        clock: seconds that never stop; what terms are measured with.
    """

    client: Client
    namespace: str
    identity: str
    now: times.Now
    terms: Terms = field(default_factory=Terms)
    clock: Clock = boottime


class Elector:
    """One candidate for one Lease.

    Args:
        name: of the Lease.
        labels: of the Lease while it is ours.
        seen: the Lease as somebody has watched it so far, so that watching does not begin anew.
    """

    def __init__(
        self,
        candidacy: Candidacy,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        seen: Sighting | None = None,
    ) -> None:
        self.identity = candidacy.identity
        self._client = candidacy.client
        self._namespace = candidacy.namespace
        self._name = name
        self._now = candidacy.now
        self._clock = candidacy.clock
        self._terms = candidacy.terms
        self._labels = dict(labels or {})
        self._seen = seen
        self._until_s: float | None = None  # the end of our term
        self._tried = False  # before that, our name on the Lease is a namesake's
        self._trouble = ""
        self._won = asyncio.Event()
        self._lost = asyncio.Event()

    def leading(self) -> bool:
        return self._until_s is not None and self._clock() < self._until_s

    def reached(self) -> bool:
        """Whether the server has ever told who holds the Lease."""
        return self._seen is not None

    def gate(self) -> None:
        """Let a write pass. Raises `NotLeading`."""
        if not self.leading():
            holder = self._seen.record.holder if self._seen else ""
            other = f", {holder!r} may" if holder and holder != self.identity else ""
            told = f"{self.identity!r} does not hold lease {self._namespace}/{self._name}"
            raise NotLeading(f"{told}{other}; nothing was sent")

    async def wait_leading(self) -> None:
        while not self.leading():
            self._won.clear()
            await self._won.wait()

    async def wait_lost(self) -> None:
        """Until a term that was won has ended."""
        await self._lost.wait()

    async def run(self) -> None:
        """Compete and renew until cancelled, then give the Lease back."""
        try:
            while True:
                await self._once()
                await asyncio.sleep(self._terms.retry_s)
        finally:
            await self._release()

    async def _once(self) -> None:
        """One question to the server; an error only means asking again."""
        try:
            async with asyncio.timeout(self._terms.spare_s):
                await self._renew_or_claim()
            self._trouble = ""
        except (KubeError, TimeoutError) as error:
            why = str(error) or "no answer in time"
            if why != self._trouble:  # told once, not at every try
                log.warning("lease not renewed", lease=self._name, why=why)
            self._trouble = why
        if self._overdue():
            self._lose()

    def _overdue(self) -> bool:
        """Whether a term of ours has ended and nobody was told so far."""
        return self._until_s is not None and not self.leading()

    async def _renew_or_claim(self) -> None:
        record = await self._look()
        if self._overdue() and (record is None or record.holder != self.identity):
            self._lose()  # another had it since, even if it is free again
        if record is None:
            await self._write(None)
        elif self._may_write(record):
            await self._write(record)

    async def _look(self) -> Record | None:
        try:
            found = await self._client.get(
                LEASES, self._name, namespace=self._namespace, priority=Priority.HIGH
            )
        except NotFound:
            return None
        record, seen_s = record_of(found), self._clock()  # after the answer, never before
        self._seen = self._seen.then(record, seen_s) if self._seen else Sighting(record, seen_s)
        return record

    def _may_write(self, record: Record) -> bool:
        if record.holder == self.identity and self._tried:
            return True  # ours, even if the answer that said so was lost
        return self._seen is not None and self._seen.claimable(self._clock())

    async def _write(self, was: Record | None) -> None:
        """Claim or renew. The term counts from before the request, once that is confirmed."""
        self._tried = True
        was_leading, sent_s = self.leading(), self._clock()
        try:
            answer = await self._send(self._claim(was), new=was is None)
        except Conflict:
            return  # another was faster; the next look says who
        self._seen = Sighting(record_of(answer), self._clock())
        self._until_s = sent_s + self._terms.renew_s
        if not was_leading and self.leading():
            log.info(
                "leading", object=self.identity, why=f"holds lease {self._namespace}/{self._name}"
            )
            self._lost.clear()
            self._won.set()

    def _lose(self) -> None:
        log.warning("no longer leading", lease=self._name, identity=self.identity)
        self._until_s = None
        self._won.clear()
        self._lost.set()

    async def _release(self) -> None:
        """Leave the Lease to whoever comes first; the gate shuts before that."""
        held = self.leading()
        self._until_s = None
        if not held or self._seen is None:
            return
        record = self._seen.record
        spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
        body = self._body(spec | {"leaseTransitions": record.transitions}, record.version)
        try:
            async with asyncio.timeout(self._terms.spare_s):
                await self._send(body, new=False)
        except (KubeError, TimeoutError) as error:
            log.warning("lease not released; it runs out by itself", why=str(error))

    def _claim(self, was: Record | None) -> Json:
        moment = times.micros(self._now())
        spec: Json = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": ceil(self._terms.lease_s),
            "renewTime": moment,
        }
        if was is not None and was.holder == self.identity:
            spec |= {"acquireTime": was.acquired, "leaseTransitions": was.transitions}
        else:
            transitions = was.transitions + 1 if was else 0
            spec |= {"acquireTime": moment, "leaseTransitions": transitions}
        return self._body(spec, was.version if was else "")

    def _body(self, spec: Json, version: str) -> Json:
        metadata: Json = {"name": self._name, "namespace": self._namespace}
        if self._labels:
            metadata["labels"] = self._labels
        if version:
            metadata["resourceVersion"] = version
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }

    async def _send(self, body: Json, *, new: bool) -> Json:
        if new:
            return await self._client.create(LEASES, body, priority=Priority.HIGH)
        return await self._client.replace(LEASES, body, priority=Priority.HIGH)


def record_of(found: Json) -> Record:
    """Read a Lease; a field that is not there means nobody holds it."""
    spec = found.get("spec") or {}
    return Record(
        holder=str(spec.get("holderIdentity") or ""),
        lease_s=float(spec.get("leaseDurationSeconds") or 0),
        version=str(found["metadata"]["resourceVersion"]),
        transitions=int(spec.get("leaseTransitions") or 0),
        acquired=str(spec.get("acquireTime") or ""),
    )
