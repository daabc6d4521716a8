"""`tandem check` of a ScaledJob: one round for real, in which no Job is started or deleted.

With a cluster its Jobs, secrets and authentications come from it; what the same file holds wins.
Without one, the Jobs are those that would be started for an empty cluster.
"""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from eventscaler.auth import AuthSettings
from eventscaler.core.jobs import Job, decide
from eventscaler.core.model import Memory
from eventscaler.decode import ScaledJob, known_status, scaled_job
from eventscaler.metrics import Meters
from eventscaler.readings import Readings
from eventscaler.scaled_jobs.store import Store
from eventscaler.scaling.borrowed import Bodies, bound
from eventscaler.scaling.checked import Carried, CheckedJobs, CheckReport, checked, refused
from kube.client import Client, Json
from kube.errors import KubeError, NotFound
from kube.resources import SCALED_JOBS
from scalers.io import IO


async def check(
    body: Json,
    io: IO,
    *,
    client: Client | None = None,
    others: Bodies = (),
    auth: AuthSettings | None = None,
    before: Carried | None = None,
) -> CheckReport:
    """Read every trigger of *body* once and say which Jobs would follow.

    Arguments as in `eventscaler.scaling.check.check`; *body* is a ScaledJob.
    """
    order, faults = scaled_job(body)
    if order is None:
        return refused(faults)
    binding = await bound(order, io, client, others, auth)
    faults += binding.faults
    if binding.refused:
        return refused(faults)
    jobs, generation, whence = await _jobs(order, client)
    listed_at = asyncio.get_running_loop().time()
    readings = await Readings(io, Meters(CollectorRegistry())).sample(
        binding.asked, since=listed_at
    )
    active = before.memory.last_active if before else known_status(body).last_active
    made = decide(readings, jobs, order.settings, generation, io.now(), active)
    in_flight = made.tally.in_flight
    return CheckReport(
        triggers=tuple(
            checked(trigger, asked, reading)
            for trigger, asked, reading in zip(order.triggers, binding.asked, readings, strict=True)
        ),
        active=made.active,
        current_replicas=in_flight,
        desired_replicas=in_flight + made.create,
        reason=made.message + whence,
        faults=faults,
        jobs=CheckedJobs(
            begun=made.tally.begun,
            pending=made.tally.pending,
            create=made.create,
            delete=tuple(removal.name for removal in made.remove),
        ),
        polling_s=order.polling_s,
        carried=Carried(memory=Memory(last_active=made.last_active)),
    )


async def _jobs(order: ScaledJob, client: Client | None) -> tuple[tuple[Job, ...], str, str]:
    """The Jobs, the generation that new ones would have, and a word on where this is from."""
    if client is None:
        return (), order.generation, "; as if it had no Jobs, as there is no cluster"
    try:
        jobs = await Store(client).listed(order)
        held = await client.get(SCALED_JOBS, order.name, namespace=order.namespace)
    except NotFound:
        return (), order.generation, "; as if it had no Jobs, as the cluster does not know it"
    except KubeError as error:
        return (), order.generation, f"; as if it had no Jobs: {error}"
    return jobs, str(held["metadata"].get("generation") or ""), ""
