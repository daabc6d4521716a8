"""NodePool (karpenter.sh/v1) as the model's pool, with the defaults of the original.

Source: https://karpenter.sh/docs/concepts/nodepools/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

from kube.values.cron import parse as cron
from kube.values.duration import seconds, seconds_or_never
from nodescaler.core.model import Budget, Consolidation, NodeClassRef, NodePool
from nodescaler.core.resources import NODES
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.faults import Findings
from nodescaler.decode.requirements import (
    check_key,
    check_pool_lines,
    checked_taints,
    requirements,
    taints,
)
from nodescaler.decode.structs import (
    BudgetPart,
    ClaimTemplate,
    ClassRef,
    NodePoolBody,
    NodePoolObject,
    TaintPart,
)

REASONS = ("Underutilized", "Empty", "Drifted")
MOST_WEIGHT = 100
CRON = "five fields, such as '0 9 * * mon-fri', or a macro such as @daily"
DURATION = "a duration such as 30s, 5m or 720h"
_NODES = re.compile(r"[0-9]{1,9}|(100|[0-9]{1,2})%")


def node_pool(obj: NodePoolObject) -> NodePool:
    """Read a NodePool.

    Raises:
        Faults: every field that is wrong.
    """
    findings = Findings()
    spec, template = obj.spec, obj.spec.template
    body, path = template.spec, "spec.template.spec"
    labels = dict(template.metadata.labels or {})
    for key in labels:
        check_key(key, "spec.template.metadata.labels", findings)
    check_pool_lines(body.requirements, f"{path}.requirements", findings)
    checked_taints(
        [(f"{path}.taints", body.taints), (f"{path}.startupTaints", body.startup_taints)], findings
    )
    _check_static(spec, findings)
    pool = NodePool(
        name=obj.metadata.name,
        uid=obj.metadata.uid,
        labels=labels,
        annotations=dict(template.metadata.annotations or {}),
        taints=taints(body.taints),
        startup_taints=taints(body.startup_taints),
        requirements=requirements(body.requirements, f"{path}.requirements", findings),
        node_class=_class_ref(body.node_class_ref, f"{path}.nodeClassRef", findings),
        limits=checked_amounts(spec.limits, "spec.limits", findings),
        weight=checked_weight(spec.weight, findings),
        expire_after_s=_never(body.expire_after, f"{path}.expireAfter", findings),
        termination_grace_s=_optional_seconds(
            body.termination_grace_period, f"{path}.terminationGracePeriod", findings
        ),
        consolidation=_policy(spec.disruption.consolidation_policy, findings),
        consolidate_after_s=_never(
            spec.disruption.consolidate_after, "spec.disruption.consolidateAfter", findings
        ),
        budgets=_budgets(spec.disruption.budgets, findings),
        replicas=spec.replicas,
        template_hash=template_hash(template),
        deleting=obj.metadata.deletion_timestamp is not None,
    )
    findings.raise_if_any()
    return pool


def checked_weight(weight: int | None, findings: Findings) -> int:
    ok = weight is None or 1 <= weight <= MOST_WEIGHT
    findings.check("spec.weight", weight, f"a number from 1 to {MOST_WEIGHT}", ok=ok)
    return weight or 0


def _check_static(spec: NodePoolBody, findings: Findings) -> None:
    """A pool with a fixed number of nodes has no other knobs."""
    if spec.replicas is None:
        return
    findings.check("spec.replicas", spec.replicas, "a number from 0", ok=spec.replicas >= 0)
    findings.check("spec.weight", spec.weight, "no weight with replicas", ok=spec.weight is None)
    extra = sorted(set(spec.limits or {}) - {NODES})
    findings.check("spec.limits", ", ".join(extra), "only nodes with replicas", ok=not extra)


def _class_ref(ref: ClassRef | None, path: str, findings: Findings) -> NodeClassRef | None:
    if ref is None:
        findings.add(path, "", "group, kind and name of a node class")
        return None
    for field, value in (("group", ref.group), ("kind", ref.kind), ("name", ref.name)):
        findings.check(f"{path}.{field}", value, f"the {field} of a node class", ok=bool(value))
    return NodeClassRef(ref.group, ref.kind, ref.name)


def _policy(text: str, findings: Findings) -> Consolidation:
    return findings.read(
        "spec.disruption.consolidationPolicy",
        Consolidation,
        text,
        ", ".join(Consolidation),
        Consolidation.WHEN_EMPTY,
    )


def _never(text: str, path: str, findings: Findings) -> float | None:
    return findings.read(path, seconds_or_never, text, f"{DURATION}, or Never", None)


def _optional_seconds(text: str | None, path: str, findings: Findings) -> float | None:
    return None if text is None else findings.read(path, seconds, text, DURATION, 0.0)


def _budgets(parts: Sequence[BudgetPart] | None, findings: Findings) -> tuple[Budget, ...]:
    if parts is None:
        return (Budget(),)
    paths = (f"spec.disruption.budgets[{position}]" for position in range(len(parts)))
    return tuple(_budget(part, path, findings) for part, path in zip(parts, paths, strict=True))


def _budget(part: BudgetPart, path: str, findings: Findings) -> Budget:
    ok = _NODES.fullmatch(part.nodes) is not None
    findings.check(f"{path}.nodes", part.nodes, "a number, or 0% to 100%", ok=ok)
    reasons = tuple(part.reasons or ())
    unknown = [reason for reason in reasons if reason not in REASONS]
    want = ", ".join(REASONS)
    findings.check(f"{path}.reasons", ", ".join(unknown), want, ok=not unknown)
    both = (part.schedule is None) == (part.duration is None)
    findings.check(path, "only one of them", "schedule and duration together", ok=both)
    if part.schedule is not None:
        findings.read(f"{path}.schedule", cron, part.schedule, CRON, None)
    length = _optional_seconds(part.duration, f"{path}.duration", findings)
    return Budget(part.nodes if ok else "0", reasons, part.schedule, length)


def template_hash(template: ClaimTemplate) -> str:
    """Changes when nodes made from the template should be replaced.

    Order within lists and requirements do not count: requirements are compared by themselves.
    """
    spec = template.spec
    parts = {
        "labels": template.metadata.labels or {},
        "annotations": template.metadata.annotations or {},
        "taints": _taint_texts(spec.taints),
        "startupTaints": _taint_texts(spec.startup_taints),
        "nodeClassRef": [getattr(spec.node_class_ref, f, "") for f in ("group", "kind", "name")],
        "expireAfter": spec.expire_after,
        "terminationGracePeriod": spec.termination_grace_period or "",
    }
    text = json.dumps({key: value for key, value in parts.items() if value}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _taint_texts(parts: Sequence[TaintPart] | None) -> list[str]:
    return sorted(str(taint) for taint in taints(parts))
