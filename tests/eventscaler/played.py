"""Jobs in the world of the engine's tests, where the test plays the Job controller."""

from __future__ import annotations

from kube.client import Json
from kube.resources import JOBS, PODS, SCALED_JOBS
from kube.values.times import seconds
from tests.eventscaler.world import World, now


async def jobs(world: World) -> list[Json]:
    """All Jobs, the oldest first."""
    found = await world.client.items(JOBS, namespace="default")
    return sorted(found, key=lambda job: int(job["metadata"]["annotations"]["tandem.sh/sequence"]))


async def unfinished(world: World) -> list[Json]:
    return [job for job in await jobs(world) if not (job.get("status") or {}).get("conditions")]


async def finish(world: World, count: int, outcome: str = "Complete") -> None:
    """Let the oldest of those at work end."""
    for job in (await unfinished(world))[:count]:
        end = {"type": outcome, "status": "True", "lastTransitionTime": seconds(now())}
        status: Json = {"conditions": [end]}
        if outcome == "Complete":
            status["completionTime"] = end["lastTransitionTime"]
        name = job["metadata"]["name"]
        await world.client.patch(
            JOBS, name, {"status": status}, namespace="default", subresource="status"
        )


async def give_pods(world: World, phase: str) -> None:
    """Let each Job at work have one pod in that phase."""
    for job in await unfinished(world):
        meta, template = job["metadata"], job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
        name = f"{meta['name']}-0"
        held = await world.client.items(PODS, namespace="default", fields=f"metadata.name={name}")
        if not held:
            body: Json = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "labels": template["metadata"]["labels"],
                    "ownerReferences": [owner | {"controller": True}],
                },
                "spec": template["spec"],
            }
            await world.client.create(PODS, body)
        await world.client.patch(
            PODS, name, {"status": {"phase": phase}}, namespace="default", subresource="status"
        )


async def status(world: World, name: str = "batch") -> Json:
    found = await world.client.get(SCALED_JOBS, name, namespace="default")
    held: Json = found.get("status") or {}
    return held


async def condition(world: World, kind: str, name: str = "batch") -> tuple[str, str, str]:
    """Status, reason and message."""
    for found in (await status(world, name)).get("conditions", ()):
        if found["type"] == kind:
            return found["status"], found["reason"], found["message"]
    return ("", "", "")


async def annotate(world: World, name: str = "batch", **notes: str | None) -> None:
    """Set annotations of a ScaledJob, by their last part, and tell the engine."""
    keys = {f"autoscaling.keda.sh/{key}": value for key, value in notes.items()}
    changed = await world.client.patch(
        SCALED_JOBS, name, {"metadata": {"annotations": keys}}, namespace="default"
    )
    world.engine.changed(changed)
