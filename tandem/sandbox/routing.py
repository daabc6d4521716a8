"""Which resource a path names.

>>> parse("/apis/apps/v1/namespaces/shop/deployments/web/scale")
Target(group='apps', version='v1', namespace='shop', plural='deployments', name='web', sub='scale')
>>> parse("/api/v1/namespaces/shop")
Target(group='', version='v1', namespace='', plural='namespaces', name='shop', sub='')

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    group: str
    version: str
    namespace: str = ""
    plural: str = ""
    name: str = ""
    sub: str = ""


_OF_NAMESPACE = {"status", "finalize"}


def parse(path: str) -> Target | None:
    """Split a path below /api/VERSION or /apis/GROUP/VERSION; None when it is neither."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 2 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 3 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and not _is_namespace_sub(rest):
        namespace, rest = rest[1], rest[2:]
    plural, name, *sub = [*rest, "", ""][: max(len(rest), 2)]
    return Target(group, version, namespace, plural, name, "/".join(sub))


def _is_namespace_sub(rest: list[str]) -> bool:
    return len(rest) == 3 and rest[2] in _OF_NAMESPACE
