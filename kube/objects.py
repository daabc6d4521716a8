"""The parts that all objects have in common, as frozen structs that hold only what is read.

A cache's kind is a struct of the reader's own with `metadata: ObjectMeta` and the few fields that
its decoder reads; msgspec skips the rest of the JSON, which is what keeps 10,000 pods small.
Declare such structs `frozen=True, gc=False, rename="camel"`: JSON has no cycles for the collector
to find. Attributes are snake_case, the JSON's camelCase.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec


class OwnerReference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What every object is called, belongs to and is labelled with."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)


class Named(Protocol):
    """What a cache asks of its structs: identity and version; slimmer metadata will do."""

    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


class Held(Protocol):
    """A struct that a cache can hold."""

    @property
    def metadata(self) -> Named: ...


class Partial(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An object of which only the metadata matters."""

    metadata: ObjectMeta
