"""Custom resources for cases: a definition of its own for each, waited for until it is served."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from tests.contract.http import Answer, Api, Json
from tests.contract.places import CRDS, Space

VERSION: Final = "v1"
PLURAL: Final = "widgets"
NAMES: Final = {
    "plural": PLURAL,
    "singular": "widget",
    "kind": "Widget",
    "listKind": "WidgetList",
    "shortNames": ["wd"],
    "categories": ["all"],
}


@dataclass(frozen=True, slots=True)
class Custom:
    """A served custom resource, whose objects live in one space."""

    api: Api
    group: str
    space: Space

    def path(self, *rest: str) -> str:
        return self.space(PLURAL, *rest, root=f"/apis/{self.group}/{VERSION}")

    def body(self, name: str = "a", **fields: Any) -> Json:
        head = {"apiVersion": f"{self.group}/{VERSION}", "kind": "Widget"}
        return head | {"metadata": {"name": name}} | fields

    async def create(self, name: str = "a", **fields: Any) -> Answer:
        return await self.api.post(self.path(), self.body(name, **fields))


def group_of(space: Space) -> str:
    """A group that no other case has."""
    return f"g{space.suffix}.contract.tandem"


def definition(
    space: Space,
    spec: Json,
    *,
    rules: list[Json] | None = None,
    group: str | None = None,
    **version: Any,
) -> Json:
    """A definition whose objects have `spec` by the schema *spec* and a free `status`.

    Args:
        space: gives the group its name, unless *group* does.
        spec: the OpenAPI schema of `.spec`.
        rules: CEL rules of `.spec`.
        group: of the resource.
        version: further fields of the one version, such as `subresources`.
    """
    group = group or group_of(space)
    if rules:
        spec = spec | {"x-kubernetes-validations": rules}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    served = {"name": VERSION, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": NAMES,
            "versions": [served | {"schema": {"openAPIV3Schema": schema}} | version],
        },
    }


async def define(api: Api, space: Space, body: Json) -> Custom:
    """Create the definition *body* and wait until its resource answers."""
    (await api.post(CRDS, body)).ok()
    return await _answering(api, space, body)


async def served(api: Api, space: Space, spec: Json, **version: Any) -> Custom:
    """A resource with this schema, shared by all cases that ask for the same one.

    A real server takes a second to serve a new definition, and cases only need their own objects.
    """
    content = json.dumps([spec, version], sort_keys=True).encode()
    group = f"s{hashlib.sha256(content).hexdigest()[:8]}.contract.tandem"
    body = definition(space, spec, group=group, **version)
    answer = await api.post(CRDS, body)
    assert answer.status in {201, 409}, answer
    return await _answering(api, space, body)


async def _answering(api: Api, space: Space, body: Json) -> Custom:
    custom = Custom(api, body["spec"]["group"], space)
    await api.eventually(custom.path(), lambda found: found["kind"] == "WidgetList")
    return custom


def schema(**properties: Json) -> Json:
    """An object with *properties*; a trailing underscore frees a name that Python keeps."""
    return {"type": "object", "properties": {k.rstrip("_"): v for k, v in properties.items()}}


FREE: Final[Json] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
STRING: Final[Json] = {"type": "string"}
INTEGER: Final[Json] = {"type": "integer"}
