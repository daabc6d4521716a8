"""`tandem explain KIND/NAME`: why a workload has the replicas, or a ScaledJob the Jobs, it has.

The last turn is in the object's status. The decisions before it are in the operator's memory: they
are asked for at `--operator URL`, else through the API server's proxy to the operator's pods, and
where neither answers only the status is told.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import typer

from kube.client import Client, Json
from kube.config import ConfigError, connect, load
from kube.errors import KubeError
from kube.resources import PODS, SCALED_JOBS, SCALED_OBJECTS, Resource
from tandem.errors import BadInput

SHORT = {"so": SCALED_OBJECTS, "sj": SCALED_JOBS}
OPERATORS = "app.kubernetes.io/name=tandem"
PORT = 8080
ANSWER_S = 5.0
FORMULA = "a trigger that the formula names does not answer"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to tell of one object.

    Attributes:
        decisions: oldest first; None when no operator answered, and *note* says why.
    """

    body: Json
    decisions: Sequence[Json] | None
    note: str = ""

    def json(self) -> Json:
        meta, status = self.body["metadata"], self.body.get("status") or {}
        return {
            "kind": self.body["kind"],
            "namespace": meta["namespace"],
            "name": meta["name"],
            "conditions": status.get("conditions") or [],
            "lastDecision": status.get("lastDecision"),
            "decisions": self.decisions,
            "note": self.note or None,
        }


def main(
    what: str,
    *,
    namespace: str | None,
    operator: str | None,
    kubeconfig: str | None,
    context: str | None,
    as_json: bool,
) -> int:
    resource, name = _asked_for(what)
    found = asyncio.run(_explain(resource, name, namespace, operator, kubeconfig, context))
    typer.echo(json.dumps(found.json()) if as_json else "\n".join(lines(found)))
    return 0


def _asked_for(what: str) -> tuple[Resource, str]:
    kind, slash, name = what.partition("/")
    resource = SHORT.get(kind.lower())
    for each in SHORT.values():
        if kind.lower().removesuffix(f".{each.group}") in (each.plural, each.kind.lower()):
            resource = each
    if resource is None or not slash or not name:
        raise BadInput(f"KIND/NAME: found {what!r}; would do: scaledobject/NAME, scaledjob/NAME")
    return resource, name


async def _explain(
    resource: Resource,
    name: str,
    namespace: str | None,
    operator: str | None,
    kubeconfig: str | None,
    context: str | None,
) -> Explanation:
    async with AsyncExitStack() as stack:
        try:
            config = await load(kubeconfig, context)
        except ConfigError as error:
            raise BadInput(str(error)) from error
        transport = connect(config)
        stack.push_async_callback(transport.close)
        client = Client(transport)
        where = namespace or config.namespace
        body = await client.get(resource, name, namespace=where) | {"kind": resource.kind}
        path = f"/decisions/{resource.kind}/{where}/{name}"
        decisions, note = await (_asked(operator, path) if operator else _proxied(client, path))
        return Explanation(body, decisions, note)


async def _asked(operator: str, path: str) -> tuple[Sequence[Json] | None, str]:
    """From the operator that the user named; that it does not answer is the user's to mend."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(operator.rstrip("/") + path) as answer,
        ):
            body = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise BadInput(f"--operator: {operator} gives no decisions: {why}") from error
    return (body["decisions"], "") if answer.ok else (None, str(body.get("error")))


async def _proxied(client: Client, path: str) -> tuple[Sequence[Json] | None, str]:
    """From the operator's pods, whichever of them handles the object."""
    try:
        pods = await client.items(PODS, labels=OPERATORS)
    except KubeError as error:
        return None, f"the operator's pods cannot be listed: {error}"
    note = f"no pod has the label {OPERATORS}; --operator URL names an operator elsewhere"
    for pod in pods:
        meta = pod["metadata"]
        place = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}:{PORT}/proxy{path}"
        try:
            return (await client.get_path(place))["decisions"], ""
        except KubeError as error:
            note = f"pod {meta['namespace']}/{meta['name']} gives no decisions: {error}"
    return None, note


def lines(found: Explanation) -> list[str]:
    """The explanation as people read it, the newest decision last."""
    meta, status = found.body["metadata"], found.body.get("status") or {}
    told = [f"{found.body['kind']} {meta['namespace']}/{meta['name']}"]
    told += [
        f"  {each['type']:9} {each['status']:8} {each.get('message', '')}"
        for each in status.get("conditions") or ()
    ]
    if found.decisions is None:
        last = status.get("lastDecision")
        told += ["", "the last turn, from its status"] if last else ["", "no decision yet"]
        told += _decision(last, last["time"]) if last else []
        told += ["", f"note: {found.note}"]
        return told
    told += ["", "decisions, the newest last" if found.decisions else "no decision yet"]
    for each in found.decisions:
        often = f" ({each['times']} times until {_clock(each['until'])})"
        told += _decision(each, each["since"], often if each["times"] > 1 else "")
    return told


def _decision(made: Mapping[str, object], since: str, often: str = "") -> list[str]:
    move = f"{made['currentReplicas']} -> {made['desiredReplicas']}"
    refused = f"; refused: {made['refused']}" if made.get("refused") else ""
    moves = made["currentReplicas"] != made["desiredReplicas"]
    kept = "" if made.get("written") or refused or not moves else "; not written"
    head = (
        f"  {_clock(since)}  {move:>9}  {made['rule']!s:11} {made['message']}{refused}{kept}{often}"
    )
    triggers = made.get("triggers")
    return [head, *(_trigger(each) for each in (triggers if isinstance(triggers, list) else ()))]


def _trigger(said: Json) -> str:
    if said.get("value") is None:
        return f"      {said['name']}: no answer: {said.get('error') or FORMULA}"
    active = {True: "active", False: "not active"}.get(said.get("active"), "")  # type: ignore[arg-type]
    return (
        f"      {said['name']}: {said['value']:g}, target {said['target']:g} "
        f"{said['metricType']}, {active}"
    )


def _clock(moment: str) -> str:
    return moment[11:19]
