"""What the demo saw: one sample a second, and the figures that follow from all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from kube.client import Json

LINE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLine:
    name: str
    instance_type: str
    capacity_type: str
    zone: str
    usd_per_hour: float
    ready: bool
    pods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The state of the demo at one moment; `seconds` counts from its start."""

    seconds: float
    backlog: int
    done: int
    replicas: int
    pods: Counter[str] = field(default_factory=Counter)
    nodes: tuple[NodeLine, ...] = ()
    claims: int = 0

    @property
    def usd_per_hour(self) -> float:
        return round(sum(node.usd_per_hour for node in self.nodes), 6)

    @property
    def at_zero(self) -> bool:
        return not (self.backlog or self.replicas or self.pods.total() or self.nodes or self.claims)

    def worth_a_line(self, last: Sample | None) -> bool:
        """Whether a reader of plain lines wants this one: pods or nodes moved, or time went by."""
        if last is None:
            return True
        if (self.replicas, self.pods, self.nodes) != (last.replicas, last.pods, last.nodes):
            return True
        worked = (self.backlog, self.done) != (last.backlog, last.done)
        return worked and self.seconds - last.seconds >= LINE_S

    def to_json(self) -> Json:
        """As `tandem demo --json` prints it (docs/designs, section 1 of the design)."""
        return {
            "seconds": round(self.seconds, 1),
            "backlog": self.backlog,
            "replicas": self.replicas,
            "podsPending": self.pods["Pending"],
            "podsRunning": self.pods["Running"],
            "nodes": len(self.nodes),
            "pricePerHour": self.usd_per_hour,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the demo comes to; all of it read off the samples, nothing off the settings."""

    peakReplicas: int  # noqa: N815  # the names of the printed JSON
    peakNodes: int  # noqa: N815
    finalReplicas: int  # noqa: N815
    finalNodes: int  # noqa: N815
    messagesDone: int  # noqa: N815
    firstPodRunningSeconds: float | None  # noqa: N815

    def to_json(self) -> Json:
        return asdict(self)


def summarise(samples: Sequence[Sample], *, published_at: float | None) -> Summary:
    """Reduce a run to its figures.

    Args:
        samples: in order of time, at least one.
        published_at: seconds into the demo when the first message was published, if it was.
    """
    last = samples[-1]
    running = [s.seconds for s in samples if s.pods["Running"]]
    first = None
    if running and published_at is not None:
        first = round(running[0] - published_at, 1)
    return Summary(
        peakReplicas=max(s.replicas for s in samples),
        peakNodes=max(len(s.nodes) for s in samples),
        finalReplicas=last.replicas,
        finalNodes=len(last.nodes),
        messagesDone=last.done,
        firstPodRunningSeconds=first,
    )
