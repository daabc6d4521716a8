"""Completion indexes of a Job with `completionMode: Indexed`. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kube.client import Json
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers.things import Thing

INDEX = "batch.kubernetes.io/job-completion-index"
ENV = "JOB_COMPLETION_INDEX"


def indexed(job: Thing) -> bool:
    return bool(job.spec.get("completionMode") == "Indexed")


def index_of(pod: Thing) -> int | None:
    text = pod.annotations.get(INDEX, "")
    return int(text) if text.isdecimal() else None


def free(job: Thing, owned: Sequence[Thing], missing: int) -> list[int | None]:
    """The lowest indexes that neither succeeded nor run; None for each pod of an unindexed Job."""
    if not indexed(job):
        return [None] * missing
    taken = {index_of(pod) for pod in owned if facts.active(pod)} | set(succeeded(job, owned))
    total = int(job.spec.get("completions") or 0)
    found: list[int | None] = [index for index in range(total) if index not in taken]
    return found[:missing]


def marked(body: Json, job: Thing, index: int) -> Json:
    """Tell the pod and its containers which index they are."""
    metadata = dict(body["metadata"])
    metadata["generateName"] = f"{job.name}-{index}-"
    metadata["annotations"] = {**metadata.get("annotations", {}), INDEX: str(index)}
    metadata["labels"] = {**metadata["labels"], INDEX: str(index)}
    spec = {**body["spec"], "hostname": f"{job.name}-{index}"}
    for kind in ("containers", "initContainers"):
        if spec.get(kind):
            spec[kind] = [_told(container, index) for container in spec[kind]]
    return {**body, "metadata": metadata, "spec": spec}


def _told(container: Json, index: int) -> Json:
    kept = [each for each in container.get("env") or [] if each.get("name") != ENV]
    return {**container, "env": [*kept, {"name": ENV, "value": str(index)}]}


def succeeded(job: Thing, owned: Iterable[Thing]) -> list[int]:
    done = {index_of(pod) for pod in owned if pod.phase == "Succeeded"}
    known = set(expand(str(job.status.get("completedIndexes") or "")))
    return sorted(known | {index for index in done if index is not None})


def completed(job: Thing, owned: Sequence[Thing]) -> Json:
    return {"completedIndexes": compress(succeeded(job, owned)) or None} if indexed(job) else {}


def compress(indexes: Sequence[int]) -> str:
    """Write ascending indexes as the API does.

    >>> compress([0, 1, 2, 4, 6, 7])
    '0-2,4,6,7'
    """
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    parts = [f"{r[0]}-{r[-1]}" if len(r) > 2 else ",".join(map(str, r)) for r in runs]  # noqa: PLR2004 a run of three and more is shortened
    return ",".join(parts)


def expand(text: str) -> list[int]:
    """Read what `compress` wrote.

    >>> expand("0-2,4,6,7")
    [0, 1, 2, 4, 6, 7]
    """
    found: list[int] = []
    for part in filter(None, text.split(",")):
        low, _, high = part.partition("-")
        found += range(int(low), int(high or low) + 1)
    return found
