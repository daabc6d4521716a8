"""The environment that a container of the workload would start with, one variable at a time.

A variable is resolved only when a trigger names it, so that an unrelated secret which is missing
harms nobody. Later entries of `env` beat earlier ones and all of them beat `envFrom`; `$(NAME)`
refers to variables defined before; `$$(NAME)` is the text `$(NAME)`.

Source: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

from __future__ import annotations

import re

from eventscaler.auth.objects import AuthFault, Objects
from kube.client import Json
from kube.resources import CONFIG_MAPS, SECRETS

REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
SOURCES = {"secretKeyRef": SECRETS, "configMapKeyRef": CONFIG_MAPS}
BULK = {"secretRef": SECRETS, "configMapRef": CONFIG_MAPS}


class Environment:
    """The variables of one container.

    Args:
        workload: the scale target's body; its pod template is read.
        namespace: where its config maps and secrets are.
    """

    def __init__(self, workload: Json, namespace: str, objects: Objects) -> None:
        self._workload = workload
        self._namespace = namespace
        self._objects = objects

    async def value(self, name: str, container: str = "") -> str:
        """The value of *name* in *container*, or in the first one.

        Raises:
            AuthFault: no such container or variable, or its source cannot be read.
        """
        chosen = self._container(container)
        found = await self._value(chosen, name, len(chosen.get("env") or ()))
        if found is None:
            raise AuthFault(f"container '{chosen['name']}' of {self._what} sets no '{name}'")
        return found

    async def optional(self, name: str, container: str = "") -> str | None:
        """As `value`, but None for a variable that the container does not set."""
        chosen = self._container(container)
        return await self._value(chosen, name, len(chosen.get("env") or ()))

    @property
    def _what(self) -> str:
        kind = str(self._workload.get("kind", "workload")).lower()
        return f"{kind} {self._namespace}/{self._workload['metadata']['name']}"

    def _container(self, wanted: str) -> Json:
        template = (self._workload.get("spec") or {}).get("template") or {}
        containers: list[Json] = (template.get("spec") or {}).get("containers") or []
        if not containers:
            raise AuthFault(f"{self._what} has no pod template to read an environment from")
        for container in containers:
            if wanted in ("", container["name"]):
                return container
        names = ", ".join(str(container["name"]) for container in containers)
        raise AuthFault(f"{self._what} has no container '{wanted}'; it has {names}")

    async def _value(self, container: Json, name: str, before: int) -> str | None:
        """*name* as defined by the entries of `env` before that index, or by `envFrom`."""
        entries: list[Json] = container.get("env") or []
        for index in reversed(range(before)):
            if entries[index]["name"] == name:
                return await self._entry(container, index)
        for source in reversed(container.get("envFrom") or []):
            found = await self._bulk(source, name)
            if found is not None:
                return found
        return None

    async def _entry(self, container: Json, index: int) -> str | None:
        entry: Json = container["env"][index]
        origin: Json = entry.get("valueFrom") or {}
        for field, resource in SOURCES.items():
            ref: Json | None = origin.get(field)
            if ref is not None:
                data = await self._objects.data(resource, self._namespace, ref["name"])
                if ref.get("optional") and (data is None or ref["key"] not in data):
                    return None
                return await self._objects.key(resource, self._namespace, ref["name"], ref["key"])
        if origin:
            raise AuthFault(
                f"'{entry['name']}' of {self._what} comes from {next(iter(origin))}, "
                "which only a running pod knows"
            )
        return await self._expanded(container, str(entry.get("value") or ""), index)

    async def _expanded(self, container: Json, text: str, before: int) -> str:
        parts, end = [], 0
        for match in REFERENCE.finditer(text):
            parts += [text[end : match.start()], await self._part(container, match, before)]
            end = match.end()
        return "".join([*parts, text[end:]])

    async def _part(self, container: Json, match: re.Match[str], before: int) -> str:
        if match[0] == "$$":
            return "$"
        found = await self._value(container, match[1], before)
        return match[0] if found is None else found

    async def _bulk(self, source: Json, name: str) -> str | None:
        prefix = str(source.get("prefix") or "")
        if not name.startswith(prefix):
            return None
        for field, resource in BULK.items():
            ref: Json | None = source.get(field)
            if ref is None:
                continue
            data = await self._objects.data(resource, self._namespace, ref["name"])
            if data is None and not ref.get("optional"):
                what = f"{resource.kind.lower()} {self._namespace}/{ref['name']}"
                raise AuthFault(
                    f"{what} does not exist; {self._what} takes its environment from it"
                )
            return (data or {}).get(name.removeprefix(prefix))
        return None
