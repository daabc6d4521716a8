"""What is remembered of a spec is what reading it again would give."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from nodescaler.decode import Faults
from nodescaler.decode.needs import Needs, needs, needs_like
from nodescaler.decode.structs import PodBody

Json = dict[str, Any]
HARD = "requiredDuringSchedulingIgnoredDuringExecution"
SOFT = "preferredDuringSchedulingIgnoredDuringExecution"

# Few values of each: most examples then meet a pod that differs in one field from one seen before.
AMOUNTS = st.dictionaries(
    st.sampled_from(["cpu", "memory"]), st.sampled_from(["1", 1, 1.5, "-1", "lots"]), max_size=2
)
LABELS = st.dictionaries(st.sampled_from(["app", "team"]), st.sampled_from(["a", "b"]), max_size=2)
KEYS = st.lists(st.sampled_from(["app", "team"]), max_size=2, unique=True)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "resources": st.fixed_dictionaries({}, optional={"requests": AMOUNTS}),
            "ports": st.lists(st.fixed_dictionaries({"hostPort": st.integers(0, 2)}), max_size=1),
            "restartPolicy": st.just("Always"),
        },
    ),
    max_size=2,
)
EXPRESSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["zone", "arch"]),
            "operator": st.sampled_from(["In", "NotIn", "Exists", "Has"]),
            "values": st.lists(st.sampled_from(["a", "b"]), max_size=1),
        }
    ),
    max_size=2,
)
AWAY = st.fixed_dictionaries(
    {"topologyKey": st.sampled_from(["kubernetes.io/hostname", "zone"])},
    optional={
        "labelSelector": st.fixed_dictionaries({"matchLabels": LABELS}),
        "namespaces": st.lists(st.sampled_from(["shop", "bank"]), max_size=1),
        "matchLabelKeys": KEYS,
        "mismatchLabelKeys": KEYS,
    },
)
WEIGHTS = st.sampled_from([0, 1, 100])
WISHED = st.fixed_dictionaries({"weight": WEIGHTS, "podAffinityTerm": AWAY})
SIDES = st.fixed_dictionaries(
    {}, optional={HARD: st.lists(AWAY, max_size=2), SOFT: st.lists(WISHED, max_size=1)}
)
SPREADS = st.lists(
    st.fixed_dictionaries(
        {"topologyKey": st.sampled_from(["kubernetes.io/hostname", "zone"])},
        optional={
            "maxSkew": st.integers(0, 2),
            "whenUnsatisfiable": st.sampled_from(["DoNotSchedule", "ScheduleAnyway", "Never"]),
            "labelSelector": st.fixed_dictionaries({"matchLabels": LABELS}),
            "minDomains": st.integers(0, 2),
            "nodeTaintsPolicy": st.sampled_from(["Honor", "Ignore", "Maybe"]),
            "matchLabelKeys": KEYS,
        },
    ),
    max_size=2,
)
AFFINITY = st.fixed_dictionaries(
    {},
    optional={
        "nodeAffinity": st.fixed_dictionaries(
            {
                HARD: st.fixed_dictionaries(
                    {
                        "nodeSelectorTerms": st.lists(
                            EXPRESSIONS.map(lambda e: {"matchExpressions": e})
                        )
                    }
                )
            }
        ),
        "podAffinity": SIDES,
        "podAntiAffinity": SIDES,
    },
)
VOLUMES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["data", "token"])},
        optional={
            "ephemeral": st.just({"a": 1}),
            "persistentVolumeClaim": st.sampled_from([{}, {"claimName": "data"}]),
        },
    ),
    max_size=2,
)
SPECS = st.fixed_dictionaries(
    {"containers": CONTAINERS},
    optional={
        "nodeName": st.sampled_from(["n1", "n2"]),
        "nodeSelector": LABELS,
        "affinity": AFFINITY,
        "initContainers": CONTAINERS,
        "overhead": AMOUNTS,
        "resources": st.fixed_dictionaries({}, optional={"limits": AMOUNTS}),
        "volumes": VOLUMES,
        "tolerations": st.lists(st.fixed_dictionaries({"key": st.sampled_from(["a", "b"])})),
        "topologySpreadConstraints": SPREADS,
        "resourceClaims": st.just([{"name": "gpu"}]),
        "priority": st.integers(0, 1),
    },
)
MATCHING: Json = {
    "topologyKey": "kubernetes.io/hostname",
    "labelSelector": {},
    "matchLabelKeys": ["app"],
}
MATCHED: Json = {"podAntiAffinity": {HARD: [MATCHING]}}


def said(reader: Any, doc: Json, *where: Any) -> Needs | str:
    try:
        found: Needs = reader(msgspec.convert(doc, PodBody), *where)
    except Faults as faults:
        return str(faults)
    return found


@given(SPECS, st.sampled_from(["shop", "bank"]), LABELS, st.sampled_from(["spec", "spec.template"]))
@example({"containers": [], "affinity": MATCHED}, "shop", {"app": "a"}, "spec")
@example({"containers": [], "affinity": MATCHED}, "shop", {"app": "b"}, "spec")
@example({"containers": [], "affinity": MATCHED}, "bank", {"app": "b"}, "spec")
def test_remembered_is_fresh(doc: Json, namespace: str, labels: dict[str, str], path: str) -> None:
    assert said(needs_like, doc, namespace, labels, path) == said(
        needs, doc, namespace, labels, path
    )


def test_equal_pods_share_what_was_read() -> None:
    """Another node, a token's volume and a claim that has another name in each pod ask nothing."""

    def of(number: int) -> Needs:
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{number}"}}
        token = {"name": f"kube-api-access-{number}"}
        spec = {"nodeName": f"n{number}", "priority": number, "volumes": [token, claim]}
        labels = {"statefulset.kubernetes.io/pod-name": f"web-{number}"}
        return needs_like(msgspec.convert(spec, PodBody), "shop", labels, "spec")

    assert of(1) is of(2)
