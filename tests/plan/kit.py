"""Manifests in few words, and the plan for them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from nodescaler.core.model import PodSpec
from tandem.plan import Options, PlanReport, plan_files, render
from tandem.plan.catalogues import Catalogue

EXAMPLES = Path(__file__).parents[2] / "examples"
PROVISIONER = EXAMPLES / "provisioner.yaml"
POOL = EXAMPLES / "nodepool-kwok.yaml"
PENDING = EXAMPLES / "pending-pods.yaml"
NODE = """
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {karpenter.sh/nodepool: default}}
status: {allocatable: {cpu: "4", memory: 8Gi, pods: "10"}, capacity: {cpu: "4"}}
"""
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
CONTAINERS = "containers: [{name: c, resources: {requests: {cpu: 100m}}}]"


def still() -> float:
    """A clock that stands."""
    return 0.0


def plan(
    *paths: Path, catalogue: Catalogue | None = None, options: Options | None = None
) -> PlanReport:
    chosen = options or Options()
    return plan_files(paths, clock=still, now=NOON, catalogue=catalogue, options=chosen)


def plan_text(file: Path, *documents: str) -> PlanReport:
    """The plan for *documents* beside the pool that everything fits into."""
    file.write_text("\n---\n".join(documents))
    return plan(POOL, file)


def text_of(report: PlanReport, width: int = 160) -> str:
    out = io.StringIO()
    render(report, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def pod(name: str = "web", cpu: str = "1", more: str = "") -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop}}
spec:
  {more}
  containers: [{{name: c, resources: {{requests: {{cpu: "{cpu}"}}}}}}]
"""


def one_pod(report: PlanReport) -> PodSpec:
    (found,) = report.snapshot.pods
    return found
