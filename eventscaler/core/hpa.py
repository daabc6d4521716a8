"""The HorizontalPodAutoscaler that a ScaledObject in HPA mode stands for, as a body.

The shape is KEDA's: the same name, metric names, selector, labels and target arithmetic, so that an
HPA which KEDA made is taken over with little or no change. One wart is not kept: with a formula
KEDA drops ContainerResource metrics; here every cpu and memory metric survives.

Pure. Source of the shape and of the defaults that the API server fills in:
https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/horizontal-pod-autoscaler-v2/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kube.values import quantity

Json = Mapping[str, object]

API_VERSION = "autoscaling/v2"
KIND = "HorizontalPodAutoscaler"
PREFIX = "keda-hpa-"
SELECTOR = "scaledobject.keda.sh/name"
MANAGER_LABEL, MANAGER = "app.kubernetes.io/managed-by", "tandem"
NOT_COPIED = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})


@dataclass(frozen=True, slots=True)
class External:
    """A metric that Tandem serves.

    Attributes:
        type: "AverageValue" or "Value".
        target: in units of the metric.
    """

    name: str
    type: str
    target: float


@dataclass(frozen=True, slots=True)
class PodResource:
    """cpu or memory of the pods, or of one *container* of each.

    Attributes:
        type: "Utilization" (percent of the requests) or "AverageValue" (a quantity per pod).
    """

    name: str
    type: str
    target: str
    container: str = ""


Metric = External | PodResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The ScaledObject, and the workload that it names."""

    namespace: str
    name: str
    uid: str
    api_version: str
    target_api_version: str
    target_kind: str
    target_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a ScaledObject says about its HPA, besides replicas and triggers.

    Attributes:
        name: of the HPA; "" for KEDA's own.
        behavior: as written.
        labels, annotations: of the ScaledObject.
        excluded: labels that stay off the HPA.
        adopt: take over an HPA of this name that somebody else made.
    """

    name: str = ""
    behavior: Json | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    adopt: bool = False

    def name_for(self, scaled_object: str) -> str:
        """The HPA's name.

        >>> Wish().name_for("orders"), Wish(name="mine").name_for("orders")
        ('keda-hpa-orders', 'mine')
        """
        return self.name or PREFIX + scaled_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Replica limits of the HPA, and the directions that an annotation closed."""

    min: int
    max: int
    may_rise: bool = True
    may_fall: bool = True


def equal_names(metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Names that two metrics share; an HPA cannot tell them apart.

    >>> equal_names([External("s0-q", "Value", 1), PodResource("cpu", "Utilization", "50")])
    ()
    """
    seen = Counter(
        each.name if isinstance(each, External) else f"{each.name} of {each.container or 'the pod'}"
        for each in metrics
    )
    return tuple(sorted(name for name, count in seen.items() if count > 1))


def hpa_body(
    owner: Owner, wish: Wish, limits: Range, metrics: Sequence[Metric]
) -> dict[str, object]:
    """The HPA, without what only the API server knows."""
    name = wish.name_for(owner.name)
    kept = {key: text for key, text in wish.annotations.items() if key not in NOT_COPIED}
    metadata: dict[str, object] = {
        "name": name,
        "namespace": owner.namespace,
        "labels": _labels(owner, wish, name),
        "ownerReferences": [owner_reference(owner)],
    }
    if kept:
        metadata["annotations"] = kept
    spec: dict[str, object] = {
        "scaleTargetRef": {
            "apiVersion": owner.target_api_version,
            "kind": owner.target_kind,
            "name": owner.target_name,
        },
        "minReplicas": max(1, limits.min),
        "maxReplicas": limits.max,
        "metrics": sorted((_metric(owner, each) for each in metrics), key=lambda m: str(m["type"])),
    }
    behavior = _behavior(wish.behavior, limits)
    if behavior is not None:
        spec["behavior"] = behavior
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def owner_reference(owner: Owner) -> dict[str, object]:
    return {
        "apiVersion": owner.api_version,
        "kind": "ScaledObject",
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _labels(owner: Owner, wish: Wish, name: str) -> dict[str, str]:
    """The ScaledObject's own, but for those that it excludes; and whose the HPA is."""
    own = {key: text for key, text in wish.labels.items() if key not in wish.excluded}
    return own | {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": owner.name,
        MANAGER_LABEL: MANAGER,
    }


def _metric(owner: Owner, metric: Metric) -> dict[str, object]:
    if isinstance(metric, External):
        selector = {"matchLabels": {SELECTOR: owner.name}}
        named = {"name": metric.name, "selector": selector}
        return {"type": "External", "external": {"metric": named, "target": _amount(metric)}}
    target = _utilization(metric)
    if metric.container:
        source = {"name": metric.name, "container": metric.container, "target": target}
        return {"type": "ContainerResource", "containerResource": source}
    return {"type": "Resource", "resource": {"name": metric.name, "target": target}}


def _amount(metric: External) -> dict[str, object]:
    key = "averageValue" if metric.type == "AverageValue" else "value"
    return {"type": metric.type, key: amount(metric.target)}


def amount(value: float) -> str:
    """A number as a quantity in thousandths, as HPA metrics travel.

    >>> amount(5), amount(0.25), amount(2000)
    ('5', '250m', '2k')
    """
    return str(quantity.of_milli(round(value * 1000)))


def _utilization(metric: PodResource) -> dict[str, object]:
    if metric.type == "Utilization":
        return {"type": "Utilization", "averageUtilization": int(metric.target)}
    return {"type": "AverageValue", "averageValue": quantity.canonical(metric.target)}


def _behavior(written: Json | None, limits: Range) -> dict[str, object] | None:
    """As written; a direction that an annotation closed is Disabled."""
    closed = [
        direction
        for direction, is_open in (("scaleUp", limits.may_rise), ("scaleDown", limits.may_fall))
        if not is_open
    ]
    if written is None and not closed:
        return None
    behavior = dict(written or {})
    for direction in closed:
        behavior[direction] = {**_object(behavior.get(direction)), "selectPolicy": "Disabled"}
    return behavior


def differs(held: Json, wanted: Json) -> bool:
    """Whether *held*, as the API server gives it, is not what *wanted* would make of it.

    Annotations that others added do not count; an owned HPA's spec and labels are ours alone.
    """
    return specified_otherwise(held, wanted) or labelled_otherwise(held, wanted)


def specified_otherwise(held: Json, wanted: Json) -> bool:
    """Whether the specs differ in more than what the API server fills in."""
    return normal(_object(held.get("spec"))) != normal(_object(wanted["spec"]))


def labelled_otherwise(held: Json, wanted: Json) -> bool:
    """Whether labels, owner or one of our annotations differ."""
    mine, theirs = _object(wanted["metadata"]), _object(held.get("metadata"))
    notes = _object(theirs.get("annotations"))
    return (
        _object(theirs.get("labels")) != mine["labels"]
        or any(notes.get(k) != text for k, text in _object(mine.get("annotations")).items())
        or controller_of(held) != controller_of(wanted)
    )


def updated(held: Json, wanted: Json) -> dict[str, object]:
    """*held* with everything that *wanted* says, and without another controller."""
    mine, theirs = _object(wanted["metadata"]), dict(_object(held.get("metadata")))
    theirs["labels"] = mine["labels"]
    theirs["annotations"] = {
        **_object(theirs.get("annotations")),
        **_object(mine.get("annotations")),
    }
    others = [ref for ref in _objects(theirs.get("ownerReferences")) if not ref.get("controller")]
    theirs["ownerReferences"] = [*others, *_objects(mine["ownerReferences"])]
    return {**wanted, "metadata": theirs}


def controller_of(body: Json) -> str:
    """The uid of the object that controls this one; "" for none.

    >>> controller_of({"metadata": {"ownerReferences": [{"uid": "7", "controller": True}]}})
    '7'
    """
    refs = _objects(_object(body.get("metadata")).get("ownerReferences"))
    return next((str(ref.get("uid")) for ref in refs if ref.get("controller")), "")


def active_condition(told: Mapping[str, tuple[str, str, str]]) -> tuple[str, str, str] | None:
    """HPAActive: status, reason and message; None while the HPA has not said anything.

    *told* are the HPA's conditions by type: status, reason, message. An HPA that rests because the
    workload is at zero is as it should be.

    >>> active_condition({"ScalingActive": ("False", "ScalingDisabled", "replicas is 0")})
    ('True', 'ScalingDisabled', 'replicas is 0')
    """
    if "ScalingActive" not in told:
        return None
    status, reason, message = told["ScalingActive"]
    if status == "True":
        return "True", "HPAActive", message
    if reason == "ScalingDisabled":
        return "True", reason, message
    return "False", reason or "HPAMetricsUnavailable", message


UP_DEFAULT = (
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
)
DOWN_DEFAULT = ({"type": "Percent", "value": 100, "periodSeconds": 15},)


def normal(spec: Json) -> Json:
    """*spec* as the API server keeps it: with its defaults, and quantities in one form.

    It fills both directions in as soon as there is a behavior at all.
    """
    if spec.get("behavior") is None:
        return {key: value for key, value in spec.items() if key != "behavior"}
    behavior = _object(spec["behavior"])
    up = {"stabilizationWindowSeconds": 0} | _rules(behavior.get("scaleUp"), UP_DEFAULT)
    down = _rules(behavior.get("scaleDown"), DOWN_DEFAULT)
    return {**spec, "behavior": {"scaleUp": up, "scaleDown": down}}


def _rules(written: object, policies: Sequence[Json]) -> dict[str, object]:
    rules: dict[str, object] = {"selectPolicy": "Max", "policies": list(policies)}
    rules |= {key: value for key, value in _object(written).items() if value is not None}
    if "tolerance" in rules:
        rules["tolerance"] = _plain(str(rules["tolerance"]))
    return rules


def _plain(text: str) -> str:
    try:
        return quantity.canonical(text)
    except ValueError:
        return text  # the API server refuses it, and says so better


def _object(found: object) -> Json:
    return found if isinstance(found, Mapping) else {}


def _objects(found: object) -> list[Json]:
    return [_object(item) for item in found] if isinstance(found, list | tuple) else []
