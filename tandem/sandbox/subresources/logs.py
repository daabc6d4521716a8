"""/log: what a simulated container says: when it started, and that it is simulated.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

from __future__ import annotations

from collections.abc import Iterator

from kube.transport import Response
from tandem.sandbox.answers import text_answer
from tandem.sandbox.builtins.defaulting import containers
from tandem.sandbox.reading import get
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json, bad_request
from tandem.sandbox.watching import is_true


def read(state: State, call: Call) -> Response:
    pod = get(state, call).obj
    name = _container(call, pod)
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {call.name} does not have a host assigned")
    found = _state_of(pod, name)
    if "waiting" in found or not found:
        why = (found.get("waiting") or {}).get("reason") or "ContainerCreating"
        raise bad_request(f'container "{name}" in pod "{call.name}" is waiting to start: {why}')
    lines = list(_lines(pod, name, found))
    tail = call.query.get("tailLines", "")
    if tail.isdecimal():
        lines = lines[-int(tail) :] if int(tail) else []
    stamped = is_true(call.query.get("timestamps"))
    shown = [f"{stamp} {text}" if stamped else text for stamp, text in lines]
    return text_answer("".join(f"{line}\n" for line in shown))


def _container(call: Call, pod: Json) -> str:
    names = [each["name"] for each in containers(pod["spec"])]
    wanted = call.query.get("container")
    if wanted and wanted not in names:
        raise bad_request(f"container {wanted} is not valid for pod {call.name}")
    main = [each["name"] for each in pod["spec"]["containers"]]
    if not wanted and len(main) > 1:
        shown = " ".join(main)
        raise bad_request(
            f"a container name must be specified for pod {call.name}, choose one of: [{shown}]"
        )
    return wanted or str(main[0])


def _state_of(pod: Json, name: str) -> Json:
    status: Json = pod.get("status") or {}
    kept = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return next((each.get("state") or {} for each in kept if each["name"] == name), {})


def _lines(pod: Json, name: str, found: Json) -> Iterator[tuple[str, str]]:
    started = (found.get("running") or found.get("terminated") or {}).get("startedAt") or ""
    node = pod["spec"]["nodeName"]
    yield started, f"{started} container {name} started on node {node} (simulated: no process runs)"
    ended = found.get("terminated")
    if ended:
        at, code = ended.get("finishedAt") or "", ended.get("exitCode", 0)
        yield at, f"{at} container {name} ended with exit code {code}"
