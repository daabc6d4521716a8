"""From a CustomResourceDefinition to a served resource.

A CRD is established as soon as it is stored; its faults are found before (`crd_faults`).
Source: https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
"""

from __future__ import annotations

from collections.abc import Iterator

from tandem.sandbox.builtins.strategy import Strategy
from tandem.sandbox.kinds import SCALE, VERBS, Kind, Sub
from tandem.sandbox.registry import ScalePaths, Served
from tandem.sandbox.schemas.definitions import OBJECT_META, PRESERVE, definition
from tandem.sandbox.schemas.rules import compile_rules
from tandem.sandbox.status import Json

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_STRING = {"type": "string"}


def served_by(crd: Json) -> Iterator[Served]:
    """Give each served version of *crd*."""
    spec = crd["spec"]
    storage = next(each["name"] for each in spec["versions"] if each.get("storage"))
    for version in spec["versions"]:
        if version.get("served"):
            yield _served(spec, version, storage)


def _served(spec: Json, version: Json, storage: str) -> Served:
    subs: Json = version.get("subresources") or {}
    names = spec["names"]
    kind = Kind(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        short=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=VERBS,
        subs=_subs(subs, names["kind"]),
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        storage=f"{names['plural']}.{spec['group']}",
        custom=True,
    )
    schema = root_schema(version)
    rules, _ = compile_rules(schema)
    return Served(
        kind,
        schema,
        CUSTOM,
        storage,
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        scale=_scale_paths(subs.get("scale")),
        rules=rules,
        selectable=tuple(
            each["jsonPath"].removeprefix(".") for each in version.get("selectableFields") or ()
        ),
    )


CUSTOM = Strategy(counts_generation=True, unconditional_update=False)


def _subs(subs: Json, kind: str) -> dict[str, Sub]:
    found = {"status": Sub("status", kind)} if "status" in subs else {}
    return found | ({"scale": SCALE} if subs.get("scale") else {})


def _scale_paths(scale: Json | None) -> ScalePaths | None:
    if not scale:
        return None
    return ScalePaths(
        scale["specReplicasPath"],
        scale["statusReplicasPath"],
        scale.get("labelSelectorPath") or "",
    )


def _validation(version: Json) -> Json:
    schema: Json = (version.get("schema") or {}).get("openAPIV3Schema") or {PRESERVE: True}
    return schema


def root_schema(version: Json) -> Json:
    """Give the schema of whole objects: the version's own, with the server's idea of metadata."""
    schema = _validation(version)
    common = {"apiVersion": _STRING, "kind": _STRING, "metadata": definition(OBJECT_META)}
    return {**schema, "type": "object", "properties": schema.get("properties", {}) | common}


def established(crd: Json, stamp: str) -> Json:
    """Give *crd* as it is once accepted: with status, and the finalizer that guards its objects."""
    spec = crd["spec"]
    old: Json = crd.get("status") or {}
    conditions = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", stamp),
        _condition(
            "Established", "InitialNamesAccepted", "the initial names have been accepted", stamp
        ),
    ]
    known = {each["type"]: each for each in old.get("conditions") or ()}
    names = {"singular": spec["names"]["kind"].lower(), "listKind": f"{spec['names']['kind']}List"}
    status = {
        "acceptedNames": names | spec["names"],
        "conditions": [known.get(each["type"], each) for each in conditions],
        "storedVersions": _stored_versions(spec, old),
    }
    finalizers = crd["metadata"].get("finalizers") or []
    if CLEANUP not in finalizers and "deletionTimestamp" not in crd["metadata"]:
        finalizers = [*finalizers, CLEANUP]
    metadata = crd["metadata"] | {"finalizers": finalizers}
    return crd | {"metadata": metadata, "status": status}


def _stored_versions(spec: Json, old: Json) -> list[str]:
    found = list(old.get("storedVersions") or ())
    storage = next(each["name"] for each in spec["versions"] if each.get("storage"))
    return found if storage in found else [*found, storage]


def _condition(name: str, reason: str, message: str, stamp: str) -> Json:
    return {
        "type": name,
        "status": "True",
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }
