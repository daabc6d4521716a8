"""Finding a cluster: files, contexts, plugins, TLS; messages that help and never show a secret."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kube import config
from kube.config import ConfigError, connect, load
from kube.errors import Unavailable
from kube.transport import Request

SECRET = "s3cr3t-t0k3n"
Json = dict[str, Any]
Save = Callable[..., str]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Write a kubeconfig of one cluster; its path."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def write(
        user: Json | None = None, cluster: Json | None = None, text: str = "", **changes: Any
    ) -> str:
        content: Json = {
            "current-context": "here",
            "contexts": [
                {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                {"name": "there", "context": {"cluster": "missing", "user": "u"}},
            ],
            "clusters": [{"name": "c", "cluster": cluster or {"server": "http://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": user or {"token": SECRET}}],
        }
        path = tmp_path / "config"
        path.write_text(text or yaml.safe_dump(content | changes))
        return str(path)

    return write


async def authorization(found: config.ClusterConfig) -> str:
    assert found.credentials is not None
    return (await found.credentials.headers()).get("Authorization", "")


async def test_a_file_with_a_token(save: Save) -> None:
    found = await load(save())

    assert (found.server, found.namespace, found.tls) == ("http://127.0.0.1:1", "shop", None)
    assert await authorization(found) == f"Bearer {SECRET}"
    assert SECRET not in repr(found)
    assert SECRET not in repr(found.credentials)


async def test_the_environment_names_several_files(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["/nowhere/config", save()]))

    assert (await load()).namespace == "shop"


async def test_the_home_folder_is_the_last_resort(save: Save) -> None:
    move_home(save())

    assert (await load()).namespace == "shop"


def move_home(path: str) -> None:
    """From ~/config to ~/.kube/config."""
    home = Path(path).parent / ".kube"
    home.mkdir()
    Path(path).rename(home / "config")


async def test_basic_authentication(save: Save) -> None:
    found = await load(save(user={"username": "me", "password": SECRET}))

    assert (
        await authorization(found) == f"Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}"
    )


@pytest.mark.parametrize(
    ("changes", "context", "told"),
    [
        pytest.param(
            {}, "elsewhere", "no context 'elsewhere'; there are here, there", id="context"
        ),
        pytest.param({}, "there", "cluster 'missing' of the context has no server", id="cluster"),
        pytest.param(
            {"cluster": {"insecure-skip-tls-verify": True}}, None, "no server", id="server"
        ),
        pytest.param(
            {"current-context": ""}, None, "no current context; choose one of here", id="none"
        ),
        pytest.param({"contexts": 3}, None, "not a kubeconfig", id="no list"),
        pytest.param(
            {"users": [{"user": {"token": SECRET}}]},
            None,
            "an entry of 'users' has no name",
            id="nameless",
        ),
        pytest.param(
            {"user": {"token": SECRET, "auth-provider": {"name": "oidc"}}},
            None,
            "cannot be used",
            id="half an auth-provider",
        ),
        pytest.param(
            {"cluster": {"server": "https://x", "certificate-authority": "/nowhere/ca"}},
            None,
            "cannot be used",
            id="no such authority",
        ),
        pytest.param(
            {"cluster": {"server": "https://x", "certificate-authority-data": "bm8="}},
            None,
            "certificate authority is not readable PEM",
            id="authority",
        ),
        pytest.param(
            {
                "cluster": {"server": "https://x"},
                "user": {
                    "client-certificate-data": "bm8=",
                    "client-key-data": base64.b64encode(SECRET.encode()).decode(),
                },
            },
            None,
            "client certificate and key are not readable PEM",
            id="certificate",
        ),
    ],
)
async def test_faults_are_named_without_secrets(
    save: Save, changes: Json, context: str | None, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        await load(save(**changes), context)

    assert told in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["# empty", "[]", "a: [", "just text"])
async def test_a_file_that_is_no_kubeconfig(save: Save, text: str) -> None:
    path = save(text=text)

    with pytest.raises(ConfigError, match="not a kubeconfig"):
        await load(path)


async def test_no_file_says_what_would_do(save: Save) -> None:
    with pytest.raises(
        ConfigError, match=r"no kubeconfig at /nowhere; give --kubeconfig, set KUBE"
    ):
        await load("/nowhere")


async def test_a_pod_without_an_account(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(ConfigError, match=r"no service account at .*; set automount"):
        await load()


def test_a_pod_with_an_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for name, text in {"token": f"{SECRET}\n", "ca.crt": "PEM", "namespace": "tandem"}.items():
        (tmp_path / name).write_text(text)
    found = config.in_cluster(tmp_path)

    assert (found.server, found.namespace) == ("https://[fd00::1]:443", "tandem")
    assert found.authorization == {"Authorization": f"bearer {SECRET}"}
    assert SECRET not in repr(found)


def plugin(answer: str, tmp_path: Path) -> Json:
    script = tmp_path / "plugin.py"
    script.write_text(answer)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(script)],
            "env": [{"name": "SAY", "value": SECRET}],
        }
    }


CREDENTIAL = """
import json, os
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"token": os.environ["SAY"]}}))
"""


async def test_a_plugin_gives_the_token(save: Save, tmp_path: Path) -> None:
    found = await load(save(user=plugin(CREDENTIAL, tmp_path)))

    assert await authorization(found) == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("answer", "command", "told"),
    [
        (
            "import sys, os; sys.exit(os.environ['SAY'])",
            sys.executable,
            "run it by hand to see why",
        ),
        (
            "print('not json', __import__('os').environ['SAY'])",
            sys.executable,
            "gave no credential",
        ),
        ("", "no-such-plugin", "the credential plugin 'no-such-plugin' is not on PATH"),
    ],
)
async def test_a_plugin_that_fails_is_named_without_what_it_said(
    save: Save, tmp_path: Path, answer: str, command: str, told: str
) -> None:
    user = plugin(answer, tmp_path)
    user["exec"]["command"] = command
    with pytest.raises(ConfigError) as caught:
        await load(save(user=user))

    assert told in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_a_refused_token_is_read_again(save: Save, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    found = await load(save(user={"tokenFile": str(token)}))
    assert found.credentials is not None
    token.write_text("new")
    assert await authorization(found) == "Bearer old"

    found.credentials.refused()
    assert await authorization(found) == "Bearer new"


async def test_credentials_that_break_are_unavailable_and_not_fatal(save: Save) -> None:
    path = save()
    found = await load(path)
    assert found.credentials is not None
    save(text="# empty")
    found.credentials.refused()

    with pytest.raises(Unavailable, match="no fresh credentials: kubeconfig"):
        await found.credentials.headers()


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate of "kubernetes", which is also its own authority; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("kubernetes")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), pem(key)


@pytest.mark.parametrize("trust", ["authority", "nobody", "blindly"])
async def test_tls_with_a_client_certificate(save: Save, tmp_path: Path, trust: str) -> None:
    cert, key = certificate()
    (tmp_path / "cert.pem").write_bytes(cert)
    (tmp_path / "key.pem").write_bytes(key)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server_side.load_verify_locations(tmp_path / "cert.pem")
    server_side.verify_mode = ssl.CERT_REQUIRED

    async def who(request: web.Request) -> web.Response:
        assert request.transport is not None
        peer = request.transport.get_extra_info("peercert")
        return web.json_response({"subject": peer["subject"]})

    app = web.Application()
    app.router.add_get("/who", who)
    user = {
        "client-certificate": str(tmp_path / "cert.pem"),
        "client-key": str(tmp_path / "key.pem"),
    }
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=server_side)
    try:
        cluster: Json = {
            "server": f"https://127.0.0.1:{server.port}",
            "tls-server-name": "kubernetes",
        }
        if trust == "authority":
            cluster["certificate-authority-data"] = base64.b64encode(cert).decode()
        if trust == "blindly":
            cluster["insecure-skip-tls-verify"] = True
        transport = connect(await load(save(user=user, cluster=cluster)))
        asking = transport.send(Request("GET", "/who"), timeout_s=5)
        if trust == "nobody":
            with pytest.raises(Unavailable, match="Certificate"):
                await asking
        else:
            answer = await asking
            assert json.loads(answer.body)["subject"] == [[["commonName", "kubernetes"]]]
        await transport.close()
    finally:
        await server.close()


async def test_reading_runs_off_the_loop(save: Save) -> None:
    """Many at once: nothing is shared between readings."""
    path = save()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(load(path)) for _ in range(5)]

    assert {task.result().server for task in tasks} == {"http://127.0.0.1:1"}
