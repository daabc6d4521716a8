"""A trigger whose credentials are in a vault: `tandem run` as a process, OpenBao, a rotation."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

from tests.services.openbao import OpenBao, versioned
from tests.test_operator import DEPLOYMENT, LONG_S, Stage, answer, says

OLD, NEW, TOKEN = "canary-old-key", "canary-new-key", "canary-vault-token"


class Source(ThreadingHTTPServer):
    """A number for whoever has the key; 401 for others."""

    key = OLD
    value = 10


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        source = cast("Source", self.server)
        known = self.headers.get("X-API-KEY") == source.key
        self.send_response(200 if known else 401)
        self.end_headers()
        if known:
            self.wfile.write(json.dumps({"n": source.value}).encode())

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@contextmanager
def source() -> Iterator[Source]:
    with Source(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_key_in_a_vault_is_used_and_its_rotation_followed(
    openbao: OpenBao, tmp_path: Path
) -> None:
    path = f"kv-{uuid.uuid4().hex[:8]}"
    versioned(openbao, path)
    openbao.api("POST", f"{path}/data/api", {"data": {"key": OLD}})
    token = f"{TOKEN}-{path}"
    openbao.api("POST", "auth/token/create", {"id": token, "policies": ["root"]})
    with ExitStack() as stack, source() as server:
        stage = Stage(tmp_path, stack)
        stage.sandbox()
        operator = stage.operator("vault", "--no-elect", "--only=events")
        operator.wait_until(says(operator, "ready"), LONG_S)
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        apis = f"{stage.url}/apis"
        for made, body in manifests(openbao.url, token, path, url).items():
            assert answer(f"{apis}/{made}", "POST", body)[0] == 201
        deployment = f"{apis}/apps/v1/namespaces/default/deployments/work"

        def replicas(count: int) -> bool:
            return bool(json.loads(answer(deployment)[1])["spec"]["replicas"] == count)

        operator.wait_until(lambda: replicas(2), LONG_S)
        openbao.api("POST", f"{path}/data/api", {"data": {"key": NEW}})
        server.key, server.value = NEW, 20
        operator.wait_until(lambda: replicas(4), LONG_S)

        object_ = f"{apis}/keda.sh/v1alpha1/namespaces/default/scaledobjects/work"
        events = f"{stage.url}/api/v1/namespaces/default/events"
        texts = (operator.log.read_text(), answer(object_)[1], answer(events)[1])
        assert all(secret not in text for secret in (OLD, NEW, TOKEN) for text in texts)


def manifests(vault: str, token: str, path: str, url: str) -> dict[str, object]:
    authentication = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "vault"},
        "spec": {
            "hashiCorpVault": {
                "address": vault,
                "authentication": "token",
                "credential": {"token": token},
                "secrets": [
                    {
                        "parameter": "apiKey",
                        "path": f"{path}/data/api",
                        "key": "key",
                        "type": "secretV2",
                    }
                ],
            }
        },
    }
    trigger = {
        "type": "metrics-api",
        "authenticationRef": {"name": "vault"},
        "metadata": {"url": url, "valueLocation": "n", "targetValue": "5", "authMode": "apiKey"},
    }
    order = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "work"},
        "spec": {
            "scaleTargetRef": {"name": "work"},
            "pollingInterval": 1,
            "triggers": [trigger],
        },
    }
    custom = "keda.sh/v1alpha1/namespaces/default"
    return {
        "apps/v1/namespaces/default/deployments": DEPLOYMENT,
        f"{custom}/triggerauthentications": authentication,
        f"{custom}/scaledobjects": order,
    }
