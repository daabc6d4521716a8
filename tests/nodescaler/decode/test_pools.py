"""NodePools and Provisioners as one value, and every mistake with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.labels import ARCH, CAPACITY_TYPE, INSTANCE_TYPE, OS
from nodescaler.core.model import Budget, Consolidation, NodeClassRef, NodePool
from nodescaler.core.pools import allowed_types
from nodescaler.core.taints import Taint
from nodescaler.decode import (
    Faults,
    NodePoolObject,
    ProvisionerObject,
    node_pool,
    provisioner,
)

Json = dict[str, Any]
EXAMPLES = Path(__file__).parents[3] / "examples"
REF = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}


def pool_of(template_spec: Json | None = None, labels: Json | None = None, **spec: Any) -> NodePool:
    body = {"requirements": [], "nodeClassRef": REF} | (template_spec or {})
    template = {"metadata": {"labels": labels or {}}, "spec": body}
    doc = {"metadata": {"name": "default", "uid": "u"}, "spec": {"template": template, **spec}}
    return node_pool(msgspec.convert(doc, NodePoolObject))


def provisioner_of(**spec: Any) -> NodePool:
    doc = {"metadata": {"name": "default"}, "spec": spec}
    return provisioner(msgspec.convert(doc, ProvisionerObject))


def faults_of(error: pytest.ExceptionInfo[Faults]) -> list[str]:
    return [str(fault) for fault in error.value.faults]


def test_defaults_of_a_node_pool() -> None:
    pool = pool_of()

    assert pool.expire_after_s == 720 * 3600
    assert pool.consolidate_after_s == 0
    assert pool.consolidation == Consolidation.WHEN_EMPTY_OR_UNDERUTILIZED
    assert pool.budgets == (Budget("10%"),)
    assert (pool.weight, pool.replicas, pool.termination_grace_s) == (0, None, None)
    assert pool.node_class == NodeClassRef(**REF)


def test_every_field_of_a_node_pool() -> None:
    pool = pool_of(
        {
            "taints": [{"key": "team", "value": "a", "effect": "NoSchedule"}],
            "startupTaints": [{"key": "warming", "effect": "NoExecute"}],
            "requirements": [{"key": "team", "operator": "In", "values": ["a"], "minValues": 1}],
            "expireAfter": "Never",
            "terminationGracePeriod": "1h",
        },
        {"shop": "x"},
        disruption={
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": "Never",
            "budgets": [
                {"nodes": "1", "reasons": ["Empty"], "schedule": "@daily", "duration": "8h"}
            ],
        },
        limits={"cpu": "10", "memory": "1Ki", "nodes": 3},
        weight=7,
    )

    assert pool.taints == (Taint("team", "a"),)
    assert pool.startup_taints == (Taint("warming", effect="NoExecute"),)
    assert pool.requirements["team"].min_values == 1
    assert (pool.expire_after_s, pool.termination_grace_s) == (None, 3600)
    assert pool.consolidate_after_s is None
    assert pool.budgets == (Budget("1", ("Empty",), "@daily", 8 * 3600.0),)
    assert pool.limits == {"cpu": 10_000, "memory": 1024, "nodes": 3}
    assert pool.weight == 7


def test_a_static_pool_counts_nodes_only() -> None:
    assert pool_of(replicas=3, limits={"nodes": 5}).replicas == 3
    with pytest.raises(Faults) as error:
        pool_of(replicas=-1, weight=2, limits={"cpu": 1})

    assert faults_of(error) == [
        "spec.replicas: found '-1'; would do: a number from 0",
        "spec.weight: found '2'; would do: no weight with replicas",
        "spec.limits: found 'cpu'; would do: only nodes with replicas",
    ]


def line(operator: str, *values: str, key: str = "k", **more: Any) -> Json:
    return {"requirements": [{"key": key, "operator": operator, "values": list(values), **more}]}


AT = "spec.template.spec.requirements[0]"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (line("Within"), f"{AT}.operator: found 'Within'; would do: In, NotIn, Exists, "),
        (line("In"), f"{AT}.values: found ''; would do: at least one value for In"),
        (line("Gt", "x"), f"{AT}.values: found 'x'; would do: one integer for Gt"),
        (line("Lt", "-1"), f"{AT}.values: found '-1'; would do: a number from 0"),
        (line("Exists", minValues=51), f"{AT}.minValues: found '51'; would do: a number from 1 to"),
        (
            line("In", "a", minValues=2),
            f"{AT}.minValues: found '2'; would do: a number from 1 to 1",
        ),
        (
            line("In", "cheap", key=CAPACITY_TYPE),
            f"{AT}.values: found 'cheap'; would do: reserved, spot, on-demand",
        ),
        (
            line("Exists", key="karpenter.sh/nodepool"),
            f"{AT}.key: found 'karpenter.sh/nodepool'; would do: a label that nobody else sets",
        ),
        (
            {"taints": [{"key": "a", "effect": "No"}]},
            "spec.template.spec.taints[0].effect: found 'No'; would do: NoSchedule, ",
        ),
        (
            {
                "taints": [{"key": "a", "effect": "NoExecute"}],
                "startupTaints": [{"key": "a", "effect": "NoExecute"}],
            },
            "spec.template.spec.startupTaints[0]: found 'a:NoExecute again'; would do: each taint",
        ),
        ({"expireAfter": "soon"}, "spec.template.spec.expireAfter: found 'soon'; would do: a dur"),
        (
            {"terminationGracePeriod": "Never"},
            "spec.template.spec.terminationGracePeriod: found 'Never'; would do: a duration",
        ),
        (
            {"nodeClassRef": {"group": "g", "kind": "", "name": "n"}},
            "spec.template.spec.nodeClassRef.kind: found ''; would do: the kind of a node class",
        ),
        (
            {"nodeClassRef": None},
            "spec.template.spec.nodeClassRef: found ''; would do: group, kind and name of a node",
        ),
    ],
)
def test_one_mistake_in_the_template(spec: Json, said: str) -> None:
    with pytest.raises(Faults) as error:
        pool_of(spec)

    (fault,) = faults_of(error)
    assert fault.startswith(said)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"weight": 101}, "spec.weight: found '101'; would do: a number from 1 to 100"),
        ({"limits": {"cpu": "-1"}}, "spec.limits.cpu: found '-1'; would do: a quantity of zero or"),
        ({"limits": {"cpu": "many"}}, "spec.limits.cpu: found 'many'; would do: a quantity of"),
        (
            {"disruption": {"consolidationPolicy": "Always"}},
            "spec.disruption.consolidationPolicy: found 'Always'; would do: WhenEmpty, ",
        ),
        (
            {"disruption": {"budgets": [{"nodes": "200%"}]}},
            "spec.disruption.budgets[0].nodes: found '200%'; would do: a number, or 0% to 100%",
        ),
        (
            {"disruption": {"budgets": [{"nodes": "1", "reasons": ["Bored"]}]}},
            "spec.disruption.budgets[0].reasons: found 'Bored'; would do: Underutilized, ",
        ),
        (
            {"disruption": {"budgets": [{"nodes": "1", "schedule": "@daily"}]}},
            "spec.disruption.budgets[0]: found 'only one of them'; would do: schedule and duration",
        ),
        (
            {"disruption": {"budgets": [{"nodes": "1", "schedule": "often", "duration": "1h"}]}},
            "spec.disruption.budgets[0].schedule: found 'often'; would do: five fields",
        ),
    ],
)
def test_one_mistake_in_the_pool(spec: Json, said: str) -> None:
    with pytest.raises(Faults) as error:
        pool_of(**spec)

    (fault,) = faults_of(error)
    assert fault.startswith(said)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(Faults, match=r"labels: found 'karpenter.sh/x'.*weight: found '0'"):
        pool_of(labels={"karpenter.sh/x": "y"}, weight=0)


def test_the_hash_follows_the_template_but_not_its_order_or_requirements() -> None:
    a, b = ({"key": name, "effect": "NoSchedule"} for name in "ab")
    one = pool_of({"taints": [a, b]})

    assert one.template_hash == pool_of({"taints": [b, a]}).template_hash
    assert one.template_hash == pool_of({"taints": [a, b], **line("In", "x")}).template_hash
    assert one.template_hash != pool_of({"taints": [a]}).template_hash


# ---------------------------------------------------------------- Provisioner


def test_the_provisioner_that_every_user_meets_first() -> None:
    doc = yaml.safe_load((EXAMPLES / "provisioner.yaml").read_text())
    pool = provisioner(msgspec.convert(doc, ProvisionerObject))

    assert pool.kind == "Provisioner"
    assert pool.requirements[INSTANCE_TYPE].values == {"t3.micro", "m5.large"}
    assert pool.requirements[CAPACITY_TYPE].values == {"on-demand", "spot"}
    assert (pool.consolidation, pool.consolidate_after_s) == (Consolidation.WHEN_EMPTY, 30.0)
    assert (pool.node_class, pool.expire_after_s) == (None, None)
    assert [each.name for each in allowed_types(pool, builtin())] == ["m5.large", "t3.micro"]


def test_an_empty_provisioner_gets_what_the_webhook_used_to_write() -> None:
    pool = provisioner_of()
    families = {each.name.partition(".")[0] for each in allowed_types(pool, builtin())}

    assert pool.requirements[OS].only == "linux"
    assert pool.requirements[ARCH].only == "amd64"
    assert pool.requirements[CAPACITY_TYPE].only == "on-demand"
    assert {"c5", "m5", "r7i"} <= families
    assert not {"t3", "m7g"} & families
    assert pool.consolidate_after_s is None


def test_what_is_said_is_not_overwritten() -> None:
    pool = provisioner_of(
        labels={"kubernetes.io/os": "linux"},
        requirements=[
            {"key": ARCH, "operator": "In", "values": ["arm64"]},
            {"key": CAPACITY_TYPE, "operator": "Exists"},
        ],
    )

    assert OS not in pool.requirements
    assert pool.requirements[ARCH].only == "arm64"
    assert pool.requirements[CAPACITY_TYPE].complement


def test_every_field_of_a_provisioner() -> None:
    pool = provisioner_of(
        labels={"team": "a"},
        annotations={"note": "x"},
        taints=[{"key": "t", "effect": "NoSchedule"}],
        startupTaints=[{"key": "s", "effect": "NoSchedule"}],
        providerRef={"name": "mine"},
        ttlSecondsUntilExpired=60,
        limits={"resources": {"cpu": "5"}},
        weight=3,
        consolidation={"enabled": True},
        kubeletConfiguration={"maxPods": 10},
    )

    assert (pool.labels, pool.annotations) == ({"team": "a"}, {"note": "x"})
    assert (pool.taints, pool.startup_taints) == ((Taint("t"),), (Taint("s"),))
    assert pool.node_class == NodeClassRef("karpenter.k8s.aws", "EC2NodeClass", "mine")
    assert (pool.expire_after_s, pool.limits, pool.weight) == (60.0, {"cpu": 5000}, 3)
    assert pool.consolidation == Consolidation.WHEN_EMPTY_OR_UNDERUTILIZED
    assert pool.consolidate_after_s == 0.0


def test_one_capacity_type_needs_no_list() -> None:
    assert (
        provisioner_of(provider={"capacityType": "spot"}).requirements[CAPACITY_TYPE].only == "spot"
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"provider": {"instanceTypes": []}}, "spec.provider.instanceTypes: found ''"),
        ({"provider": {"capacityType": ["cheap"]}}, "spec.provider.capacityType: found 'cheap'"),
        (
            {"provider": {}, "providerRef": {"name": "x"}},
            "spec.providerRef: found 'x'; would do: ei",
        ),
        ({"providerRef": {"name": ""}}, "spec.providerRef: found ''; would do: the name of a node"),
        (
            {"ttlSecondsAfterEmpty": 1, "consolidation": {"enabled": True}},
            "spec.ttlSecondsAfterEmpty: found '1.0'; would do: no ttlSecondsAfterEmpty",
        ),
        ({"ttlSecondsUntilExpired": -1}, "spec.ttlSecondsUntilExpired: found '-1'"),
        (
            {"labels": {"kubernetes.io/hostname": "x"}},
            "spec.labels: found 'kubernetes.io/hostname'",
        ),
    ],
)
def test_one_mistake_in_a_provisioner(spec: Json, said: str) -> None:
    with pytest.raises(Faults) as error:
        provisioner_of(**spec)

    (fault,) = faults_of(error)
    assert fault.startswith(said)
