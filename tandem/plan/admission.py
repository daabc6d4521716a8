"""What the API server adds to a pod on its way in, for pods that come from a file.

A RuntimeClass gives overhead, a node selector and tolerations; a PriorityClass gives the priority.
Pods of a cluster have all that already.
Source: https://kubernetes.io/docs/concepts/containers/runtime-class/#scheduling and
https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from kube.client import Json
from kube.objects import ObjectMeta
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.faults import Findings
from nodescaler.decode.structs import Amounts, Labels, Part

SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


class Overhead(Part, frozen=True):
    pod_fixed: Amounts | None = None


class Scheduling(Part, frozen=True):
    node_selector: Labels | None = None
    tolerations: tuple[Json, ...] | None = None


class RuntimeClass(Part, frozen=True):
    metadata: ObjectMeta
    overhead: Overhead | None = None
    scheduling: Scheduling | None = None


class PriorityClass(Part, frozen=True):
    metadata: ObjectMeta
    value: int
    global_default: bool = False


@dataclass(slots=True)
class Admission:
    """The classes that have been read.

    Attributes:
        usual: the priority of a pod that names no class; None while no class claims to be it.
    """

    runtimes: dict[str, RuntimeClass] = field(default_factory=dict)
    priorities: dict[str, int] = field(default_factory=lambda: dict(SYSTEM))
    usual: int | None = None

    def read_runtime(self, body: Json) -> None:
        """Take a RuntimeClass in.

        Raises:
            Faults: an overhead that is no amount.
        """
        found = msgspec.convert(body, RuntimeClass)
        findings = Findings()
        fixed = found.overhead.pod_fixed if found.overhead else None
        checked_amounts(fixed, "overhead.podFixed", findings)
        findings.raise_if_any()
        self.runtimes[found.metadata.name] = found

    def read_priority(self, body: Json) -> None:
        found = msgspec.convert(body, PriorityClass)
        self.priorities[found.metadata.name] = found.value
        if found.global_default:  # of several the lowest counts, as in the API server
            self.usual = found.value if self.usual is None else min(self.usual, found.value)

    def admitted(self, spec: object) -> object:
        """*spec* with what its classes add; anything but an object comes back as it is."""
        if not isinstance(spec, dict):
            return spec
        name = _text(spec, "priorityClassName")
        priority = self.priorities.get(name, 0) if name else self.usual or 0
        given = spec if spec.get("priority") is not None else spec | {"priority": priority}
        runtime = self.runtimes.get(_text(spec, "runtimeClassName"))
        return given if runtime is None else given | dict(_added(given, runtime))

    def unknown(self, spec: object) -> Iterator[str]:
        """The classes that *spec* names and nobody has told of, and what is done about it."""
        if not isinstance(spec, dict):
            return
        priority, runtime = _text(spec, "priorityClassName"), _text(spec, "runtimeClassName")
        if priority and spec.get("priority") is None and priority not in self.priorities:
            yield f"PriorityClass {priority} is not there; planned with priority 0"
        if runtime and runtime not in self.runtimes:
            yield f"RuntimeClass {runtime} is not there; planned without what it adds"


def _text(spec: Json, key: str) -> str:
    """A name; anything else is a fault that the reader of the pod finds."""
    found = spec.get(key)
    return found if isinstance(found, str) else ""


def _added(spec: Mapping[str, object], runtime: RuntimeClass) -> Iterator[tuple[str, object]]:
    fixed = runtime.overhead.pod_fixed if runtime.overhead else None
    if fixed and not spec.get("overhead"):
        yield "overhead", fixed
    where = runtime.scheduling or Scheduling()
    selector, tolerations = spec.get("nodeSelector") or {}, spec.get("tolerations") or []
    if where.node_selector and isinstance(selector, dict):
        yield "nodeSelector", {**selector, **where.node_selector}
    if where.tolerations and isinstance(tolerations, list):
        yield "tolerations", [*tolerations, *where.tolerations]
