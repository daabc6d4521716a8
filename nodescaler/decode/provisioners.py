"""Provisioner, the pool of old manifests, as the model's pool.

Both the short form (``provider.instanceTypes``, ``provider.capacityType``) and the fields of
karpenter.sh/v1alpha5 are read. What Karpenter's AWS webhook used to add is written out: Linux and
on-demand unless said otherwise, and where no instance type is asked for, current amd64 machines of
the categories c, m and r. Empty nodes go all at once, as they did; other reasons one at a time.

Source: https://karpenter.sh/v0.31/concepts/provisioners/
"""

from __future__ import annotations

from nodescaler.core.labels import (
    ARCH,
    CAPACITY_TYPE,
    INSTANCE_TYPE,
    OS,
    Requirement,
    Requirements,
)
from nodescaler.core.model import Budget, Consolidation, NodeClassRef, NodePool
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.faults import Findings
from nodescaler.decode.pools import checked_weight
from nodescaler.decode.requirements import (
    CAPACITY_TYPES,
    check_key,
    check_pool_lines,
    checked_taints,
    requirements,
    taints,
)
from nodescaler.decode.structs import Provider, ProviderRef, ProvisionerBody, ProvisionerObject

CATEGORY = "karpenter.k8s.aws/instance-category"
GENERATION = "karpenter.k8s.aws/instance-generation"
FAMILY = "karpenter.k8s.aws/instance-family"
TYPE_KEYS = frozenset({INSTANCE_TYPE, CATEGORY, GENERATION, FAMILY})
BUDGETS = (Budget("100%", ("Empty",)), Budget("1", ("Underutilized", "Drifted")))


def provisioner(obj: ProvisionerObject) -> NodePool:
    """Read a Provisioner.

    Raises:
        Faults: every field that is wrong.
    """
    findings = Findings()
    spec = obj.spec
    labels = dict(spec.labels or {})
    for key in labels:
        check_key(key, "spec.labels", findings)
    checked_taints(
        [("spec.taints", spec.taints), ("spec.startupTaints", spec.startup_taints)], findings
    )
    policy, after_s = _emptiness(spec, findings)
    pool = NodePool(
        name=obj.metadata.name,
        uid=obj.metadata.uid,
        kind="Provisioner",
        labels=labels,
        annotations=dict(spec.annotations or {}),
        taints=taints(spec.taints),
        startup_taints=taints(spec.startup_taints),
        requirements=_requirements(spec, findings),
        node_class=_class_ref(spec.provider_ref, spec.provider, findings),
        limits=checked_amounts(
            spec.limits.resources if spec.limits else None, "spec.limits.resources", findings
        ),
        weight=checked_weight(spec.weight, findings),
        expire_after_s=_seconds(spec.ttl_seconds_until_expired, "UntilExpired", findings),
        consolidation=policy,
        consolidate_after_s=after_s,
        budgets=BUDGETS,
        deleting=obj.metadata.deletion_timestamp is not None,
    )
    findings.raise_if_any()
    return pool


def _requirements(spec: ProvisionerBody, findings: Findings) -> Requirements:
    check_pool_lines(spec.requirements, "spec.requirements", findings)
    asked = requirements(spec.requirements, "spec.requirements", findings)
    asked &= Requirements.of(*_short_form(spec.provider or Provider(), findings))
    return asked & Requirements.of(*_defaults(asked, dict(spec.labels or {})))


def _short_form(provider: Provider, findings: Findings) -> list[Requirement]:
    lines: list[Requirement] = []
    if provider.instance_types is not None:
        path, want = "spec.provider.instanceTypes", "at least one instance type"
        findings.check(path, "", want, ok=bool(provider.instance_types))
        lines.append(Requirement(INSTANCE_TYPE, "In", provider.instance_types))
    if provider.capacity_type is not None:
        asked = provider.capacity_type
        kinds = (asked,) if isinstance(asked, str) else asked
        path, want = "spec.provider.capacityType", ", ".join(CAPACITY_TYPES)
        known = bool(kinds) and all(kind in CAPACITY_TYPES for kind in kinds)
        findings.check(path, ", ".join(kinds), want, ok=known)
        lines.append(Requirement(CAPACITY_TYPE, "In", kinds))
    return lines


def _defaults(asked: Requirements, labels: dict[str, str]) -> list[Requirement]:
    """What the webhook of the original added to the manifest."""
    said = {*asked, *labels}
    lines = [] if OS in said else [Requirement(OS, "In", ("linux",))]
    if CAPACITY_TYPE not in said:
        lines.append(Requirement(CAPACITY_TYPE, "In", ("on-demand",)))
    if not TYPE_KEYS & said:
        lines += [Requirement(ARCH, "In", ("amd64",))] if ARCH not in said else []
        lines += [
            Requirement(CATEGORY, "In", ("c", "m", "r")),
            Requirement(GENERATION, "Gt", ("2",)),
        ]
    return lines


def _class_ref(
    ref: ProviderRef | None, inline: Provider | None, findings: Findings
) -> NodeClassRef | None:
    """None where none is named: the engine then takes its own cloud's default class."""
    if ref is None:
        return None
    findings.check("spec.providerRef", ref.name, "the name of a node class", ok=bool(ref.name))
    alone = inline is None
    findings.check("spec.providerRef", ref.name, "either provider or providerRef", ok=alone)
    return NodeClassRef("karpenter.k8s.aws", "EC2NodeClass", ref.name)


def _emptiness(spec: ProvisionerBody, findings: Findings) -> tuple[Consolidation, float | None]:
    """Policy and delay: an old pool without either setting never removes a node."""
    empty_s = _seconds(spec.ttl_seconds_after_empty, "AfterEmpty", findings)
    if spec.consolidation is None or not spec.consolidation.enabled:
        return Consolidation.WHEN_EMPTY, empty_s
    want = "no ttlSecondsAfterEmpty, or consolidation.enabled: false"
    findings.check("spec.ttlSecondsAfterEmpty", empty_s, want, ok=empty_s is None)
    return Consolidation.WHEN_EMPTY_OR_UNDERUTILIZED, 0.0


def _seconds(value: int | None, suffix: str, findings: Findings) -> float | None:
    ok = value is None or value >= 0
    findings.check(f"spec.ttlSeconds{suffix}", value, "a number of seconds from 0", ok=ok)
    return None if value is None else float(value)
