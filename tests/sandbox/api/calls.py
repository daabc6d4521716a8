"""Ask an embedded API server, and read its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from kube.transport import Request, Response, Stream
from tandem.sandbox.api import Api

Json = dict[str, Any]
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = "application/merge-patch+json"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Calls:
    """An API server with the namespace "default"; `now` is its clock."""

    window: int = 10_000
    now: datetime = START
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = Api(lambda: self.now, Random(0), window=self.window)
        self.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Json]:
        """Send a request; `content_type` and `accept` are headers, the rest is the query."""
        headers = {name: more.pop(name) for name in ("content_type", "accept") if name in more}
        sent = json.dumps(body).encode() if body is not None else None
        answer = self.api.handle(Request(method, path, more, sent, **headers))
        assert isinstance(answer, Response)
        return answer.status, json.loads(answer.body)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Json:
        status, answer = self.ask(method, path, body, **more)
        assert status in {200, 201}, answer
        return answer

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> Json:
        status, answer = self.ask(method, path, body, **more)
        assert answer["status"] == "Failure"
        assert answer["code"] == status
        return answer

    def watch(self, path: str, **query: str) -> Stream:
        answer = self.api.handle(Request("GET", path, {"watch": "true"} | query))
        assert isinstance(answer, Stream)
        return answer

    def revision(self) -> str:
        return str(self.api.state.store.revision)


def config_map(name: str, **data: str) -> Json:
    return {"metadata": {"name": name}, "data": data}


def pod(name: str, **spec: Any) -> Json:
    containers = [{"name": "c", "image": "example/c:1"}]
    return {"metadata": {"name": name}, "spec": {"containers": containers} | spec}


def names(listed: Json) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]
