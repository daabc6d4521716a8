"""Which resources are served just now: the built-in ones and those that CRDs declare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tandem.sandbox.builtins.strategy import Strategy
from tandem.sandbox.builtins.table import strategy_of
from tandem.sandbox.kinds import BUILTINS, Kind
from tandem.sandbox.schemas.definitions import definitions
from tandem.sandbox.schemas.rules import NO_RULES, Rules
from tandem.sandbox.status import Json


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a custom resource keeps what /scale shows; JSON paths such as ".spec.replicas"."""

    spec_replicas: str
    status_replicas: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """One served version with all that is needed to handle its objects."""

    kind: Kind
    schema: Json
    strategy: Strategy
    storage_version: str
    columns: tuple[Json, ...] = ()
    scale: ScalePaths | None = None
    rules: Rules = NO_RULES
    selectable: tuple[str, ...] = ()


class Registry:
    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Served] = {}
        for kind in BUILTINS:
            schema = definitions()[kind.definition]
            self.add(Served(kind, schema, strategy_of(kind.qualified), kind.version))

    def add(self, served: Served) -> None:
        kind = served.kind
        self._served[kind.group, kind.version, kind.plural] = served

    def remove(self, group: str, plural: str) -> None:
        for key in [key for key in self._served if (key[0], key[2]) == (group, plural)]:
            del self._served[key]

    def find(self, group: str, version: str, plural: str) -> Served | None:
        return self._served.get((group, version, plural))

    def of_version(self, group: str, version: str) -> list[Served]:
        return [
            served
            for (its_group, its_version, _), served in sorted(self._served.items())
            if (its_group, its_version) == (group, version)
        ]

    def serves(self, group: str, version: str) -> bool:
        return any(key[:2] == (group, version) for key in self._served)

    def versions(self) -> list[tuple[str, str]]:
        """Give every (group, version) that has resources, stable versions of a group first."""
        return sorted({key[:2] for key in self._served}, key=_version_order)

    def of_storage(self, storage: str) -> Served | None:
        """Give the stored version of the resource in table *storage*."""
        for served in self._served.values():
            if served.kind.storage == storage and served.kind.version == served.storage_version:
                return served
        return None

    def __iter__(self) -> Iterator[Served]:
        yield from self._served.values()


def _version_order(key: tuple[str, str]) -> tuple[str, bool, bool, str]:
    group, version = key
    return group, "alpha" in version, "beta" in version, version
