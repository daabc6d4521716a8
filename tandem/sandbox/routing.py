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


def parse(path: str) -> Target | None:
    """Split a path below /api/VERSION or /apis/GROUP/VERSION; None when it is neither."""
    match [part for part in path.split("/") if part]:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            return None
    namespace = ""
    match rest:
        case ["namespaces", _, "status" | "finalize"]:
            pass
        case ["namespaces", namespace, _, *_]:
            rest = rest[2:]
        case _:
            pass
    plural, name, *sub = [*rest, "", ""][: max(len(rest), 2)]
    return Target(group, version, namespace, plural, name, "/".join(sub))
