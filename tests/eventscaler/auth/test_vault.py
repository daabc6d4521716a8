"""Vault over OpenBao's real server: engines, sharing, certificates, tokens, and what is refused."""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from eventscaler.auth import AuthFault
from eventscaler.auth.remote import vault
from eventscaler.auth.surroundings import RemoteSettings, remote_of
from eventscaler.decode.sources import PkiData, Vault, VaultSecret
from scalers.base import Secret
from tests import certificates
from tests.eventscaler.auth.tools import OPERATOR, placed, recorded, shown
from tests.processes import free_ports
from tests.scalers.servers import served
from tests.services.openbao import OpenBao, authority, versioned

CANARY = "swordfish-of-the-vault"


def engine(bao: OpenBao, kind: str, namespace: str = "", **options: Any) -> str:
    """Mount a fresh secrets engine; its path."""
    path = f"{kind}-{uuid.uuid4().hex[:8]}"
    bao.api("POST", f"sys/mounts/{path}", {"type": kind, **options}, namespace)
    return path


def v2(bao: OpenBao, namespace: str = "") -> str:
    return versioned(bao, f"kv-{uuid.uuid4().hex[:8]}", namespace)


def source(url: str, *secrets: VaultSecret, token: str | None = None, **more: Any) -> Vault:
    given = Secret(token) if token else None
    return Vault(address=url, authentication="token", token=given, secrets=secrets, **more)


@pytest.mark.parametrize("kind", ["", "secretV2"])
async def test_version_2_of_the_engine(openbao: OpenBao, kind: str) -> None:
    path = v2(openbao)
    data = {"password": CANARY, "port": 5672, "tls": True}
    openbao.api("POST", f"{path}/data/shop/mq", {"data": data})
    secrets = [VaultSecret(key, f"{path}/data/shop/mq", key, kind) for key in data]

    async with placed() as place:
        where = place.where()
        found = await vault.fetch(source(openbao.url, *secrets, token=openbao.token), where)

        assert shown(found.values) == {"password": CANARY, "port": "5672", "tls": "true"}
        assert found.until is not None
        assert timedelta(minutes=4) < found.until - place.clock() <= timedelta(minutes=5)


@pytest.mark.parametrize("kind", ["", "secret"])
async def test_version_1_of_the_engine(openbao: OpenBao, kind: str) -> None:
    path = engine(openbao, "kv")
    openbao.api("POST", f"{path}/shop", {"password": CANARY})

    async with placed() as place:
        wanted = source(
            openbao.url + "/", VaultSecret("p", f"/{path}/shop", "password", kind),
            token=openbao.token,
        )  # fmt: skip
        found = await vault.fetch(wanted, place.where())

        assert shown(found.values) == {"p": CANARY}


async def test_a_namespace_is_named_in_a_header(openbao: OpenBao) -> None:
    name = f"team-{uuid.uuid4().hex[:8]}"
    openbao.api("POST", f"sys/namespaces/{name}")
    path = v2(openbao, name)
    openbao.api("POST", f"{path}/data/mq", {"data": {"password": CANARY}}, name)
    secret = VaultSecret("p", f"{path}/data/mq", "password", "secretV2")

    async with placed() as place:
        inside = source(openbao.url, secret, token=openbao.token, namespace=name)
        found = await vault.fetch(inside, place.where())
        with pytest.raises(AuthFault, match="answered 404"):
            await vault.fetch(source(openbao.url, secret, token=openbao.token), place.where())

        assert shown(found.values) == {"p": CANARY}


async def test_a_path_is_read_once_and_again_when_it_grew_old_or_is_doubted(
    openbao: OpenBao,
) -> None:
    path = v2(openbao)
    openbao.api("POST", f"{path}/data/mq", {"data": {"user": "eve", "password": "old"}})
    secrets = [VaultSecret(key, f"{path}/data/mq", key) for key in ("user", "password")]
    read = f"GET /v1/{path}/data/mq"

    async with placed() as place, recorded(openbao.url) as seen:
        wanted = source(seen.url, *secrets, token=openbao.token)
        first = await asyncio.gather(*(vault.fetch(wanted, place.where()) for _ in range(5)))
        assert [shown(found.values)["password"] for found in first] == ["old"] * 5
        assert seen.taken() == ["GET /v1/auth/token/lookup-self", read]
        assert all(headers["X-Vault-Request"] == "true" for headers in seen.headers)

        openbao.api("POST", f"{path}/data/mq", {"data": {"user": "eve", "password": "new"}})
        place.clock.move(seconds=9)
        await vault.fetch(wanted, place.where(doubted=True))
        place.clock.move(seconds=180)
        found = await vault.fetch(wanted, place.where())
        assert shown(found.values)["password"] == "old"
        assert seen.taken() == []

        doubted = await vault.fetch(wanted, place.where(doubted=True))
        assert shown(doubted.values) == {"user": "eve", "password": "new"}
        place.clock.move(seconds=201)
        await vault.fetch(wanted, place.where())
        assert seen.taken() == [read, read]


async def test_a_certificate_is_made_once_with_its_key_and_kept_for_most_of_its_life(
    openbao: OpenBao,
) -> None:
    path = f"{authority(openbao, f'pki-{uuid.uuid4().hex[:8]}')}/issue/mq"
    pki = PkiData(
        common_name="mq.example", alt_names="a.example,b.example", ip_sans="10.0.0.7",
        uri_sans="spiffe://shop/mq", ttl="30h",
    )  # fmt: skip
    keys = ("certificate", "private_key", "issuing_ca")
    secrets = [VaultSecret(key, path, key, "pki", pki) for key in keys]

    async with placed() as place, recorded(openbao.url) as seen:
        wanted = source(seen.url, *secrets, token=openbao.token)
        found = await vault.fetch(wanted, place.where())
        made = shown(found.values)
        certificate = x509.load_pem_x509_certificate(made["certificate"].encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = load_pem_private_key(made["private_key"].encode(), None)
        assert key.public_key() == certificate.public_key()  # of one answer
        assert set(names.get_values_for_type(x509.DNSName)) >= {"a.example", "b.example"}
        assert names.get_values_for_type(x509.IPAddress) == [IPv4Address("10.0.0.7")]
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://shop/mq"]
        assert found.until is not None
        assert timedelta(hours=26) < found.until - place.clock() < timedelta(hours=28)

        place.clock.move(minutes=4)
        doubted = await vault.fetch(wanted, place.where(doubted=True))
        assert doubted.values == found.values, "not another with each reading that fails"
        place.clock.move(hours=17)
        assert (await vault.fetch(wanted, place.where())).values == found.values
        place.clock.move(hours=1)
        later = await vault.fetch(wanted, place.where())
        assert later.values != found.values
        place.clock.move(minutes=6)
        assert (await vault.fetch(wanted, place.where(doubted=True))).values != later.values

        assert [call for call in seen.calls if call.startswith("POST")] == [f"POST /v1/{path}"] * 3


def test_what_a_certificate_is_asked_for_with() -> None:
    """The rest of pkiData, which few roles allow."""
    pki = PkiData(common_name="mq", other_sans="1.3.6.1.4.1.311.20.2.3;utf8:mq", format="der")

    assert json.loads(vault.Place("pki/issue/mq", pki).body or "") == {
        "common_name": "mq",
        "other_sans": "1.3.6.1.4.1.311.20.2.3;utf8:mq",
        "format": "der",
    }


def token(bao: OpenBao, **more: Any) -> str:
    made = bao.api("POST", "auth/token/create", {"policies": ["root"], **more})
    return str(made["auth"]["client_token"])


async def test_a_token_that_ends_is_renewed_before(openbao: OpenBao) -> None:
    path = v2(openbao)
    openbao.api("POST", f"{path}/data/mq", {"data": {"p": "1"}})
    mine = token(openbao, period="5m")

    async with placed() as place, recorded(openbao.url) as seen:
        wanted = source(seen.url, VaultSecret("p", f"{path}/data/mq", "p"), token=mine)
        found = await vault.fetch(wanted, place.where())
        assert found.until is not None
        assert found.until - place.clock() <= timedelta(minutes=4.5), "the token's end"
        seen.taken()

        place.clock.move(minutes=3, seconds=25)
        await vault.fetch(wanted, place.where())

        assert seen.taken() == ["POST /v1/auth/token/renew-self", f"GET /v1/{path}/data/mq"]


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        pytest.param(
            VaultSecret("p", "PATH/data/gone", "p"),
            "'PATH/data/gone': answered 404: nothing is there; "
            "in kv version 2 the path is MOUNT/data/NAME",
            id="no such secret",
        ),
        pytest.param(
            VaultSecret("p", "PATH/data/mq", "q"), "'PATH/data/mq' has no key 'q'", id="no such key"
        ),
        pytest.param(
            VaultSecret("p", "PATH/data/mq", "p", "secret"),
            "'PATH/data/mq' has no key 'p'; its engine is kv version 2: type 'secretV2'",
            id="taken for version 1",
        ),
        pytest.param(
            VaultSecret("p", "PATH/data/mq", "nested"),
            "key 'nested' of 'PATH/data/mq' is no text but dict",
            id="no text",
        ),
        pytest.param(
            VaultSecret("p", "PKI/issue/mq", "certificate", "pki", PkiData(ttl="10h")),
            "'PKI/issue/mq': answered 400: look at the role and at pkiData",
            id="a certificate without a name",
        ),
        pytest.param(
            VaultSecret("p", "PATH/data/mq", "p", "pki", PkiData(common_name="x")),
            "'PATH/data/mq' makes no certificates; want MOUNT/issue/ROLE",
            id="a write that makes no certificate",
        ),
    ],
)
async def test_faults_name_the_secret_and_no_value(
    openbao: OpenBao, secret: VaultSecret, problem: str
) -> None:
    path, pki = v2(openbao), authority(openbao, f"pki-{uuid.uuid4().hex[:8]}")
    openbao.api("POST", f"{path}/data/mq", {"data": {"p": CANARY, "nested": {"p": CANARY}}})

    def named(text: str) -> str:
        return text.replace("PATH", path).replace("PKI", pki)

    placed_secret = replace(secret, path=named(secret.path))
    good = VaultSecret("good", f"{path}/data/mq", "p")

    async with placed() as place:
        wanted = source(openbao.url, good, placed_secret, token=openbao.token)
        with pytest.raises(AuthFault) as fault:
            await vault.fetch(wanted, place.where())

    assert str(fault.value) == f"vault {openbao.url}: {named(problem)}"


async def test_a_refused_token_is_told_without_it(openbao: OpenBao) -> None:
    async with placed() as place:
        wanted = source(openbao.url, VaultSecret("p", "a/data/b", "p"), token=CANARY)
        with pytest.raises(AuthFault) as fault:
            await vault.fetch(wanted, place.where())

    why = "answered 403: the token is not valid, or its policy does not allow this"
    assert str(fault.value) == f"vault {openbao.url}: 'a/data/b': {why}"


async def test_no_answer_is_waited_for_no_longer_than_set(free_url: str) -> None:
    over = asyncio.Event()

    async def late(request: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    secret = VaultSecret("p", "a/b", "p")
    async with placed() as place, served({"/{path:.*}": late}) as url:
        remote = RemoteSettings(timeout_s=0.05)
        with pytest.raises(AuthFault, match=f"vault {url}: not had within 0.05 s"):
            await vault.fetch(source(url, secret, token="t"), place.where(remote))
        over.set()
        with pytest.raises(AuthFault, match=f"no connection to {free_url}: ") as fault:
            await vault.fetch(source(free_url, secret, token="t"), place.where())
        assert fault.value.passing


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"p": "x"}, "lease_id": "l", "lease_duration": [CANARY]},
        {"data": {"certificate": CANARY, "expiration": 10**30}},
        {"data": [CANARY]},
        [CANARY],
    ],
)
async def test_an_odd_answer_is_a_fault_like_any_other(answer: object) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.json_response(answer)

    async with placed() as place, served({"/{path:.*}": odd}) as url:
        with pytest.raises(AuthFault) as fault:
            await vault.fetch(source(url, VaultSecret("p", "a", "p"), token="t"), place.where())

    assert str(fault.value).startswith(f"vault {url}: ")
    assert CANARY not in str(fault.value)


@pytest.mark.parametrize(
    ("status", "passing"), [(503, True), (429, True), (403, False), (404, False)]
)
async def test_a_vault_in_trouble_is_not_a_vault_that_says_no(
    status: int, *, passing: bool
) -> None:
    """What was had before serves on while nothing is known to be wrong with it."""

    async def answering(request: web.Request) -> web.Response:
        return web.json_response({"errors": []}, status=status)

    async with placed() as place, served({"/{path:.*}": answering}) as url:
        with pytest.raises(AuthFault) as fault:
            await vault.fetch(source(url, VaultSecret("p", "a", "p"), token="t"), place.where())

    assert fault.value.passing is passing


async def test_what_the_server_says_is_not_repeated() -> None:
    async def careless(request: web.Request) -> web.Response:
        return web.json_response({"errors": [f"bad token {CANARY}"]}, status=500)

    async with placed() as place, served({"/{path:.*}": careless}) as url:
        with pytest.raises(AuthFault) as fault:
            await vault.fetch(source(url, VaultSecret("p", "a", "p"), token=CANARY), place.where())

    assert str(fault.value) == f"vault {url}: look at the token: answered 500"


async def test_a_vault_in_trouble_is_asked_once_for_all() -> None:
    asked = []

    async def down(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=503)

    async with placed() as place, served({"/{path:.*}": down}) as url:
        wanted = source(url, VaultSecret("p", "a", "p"), token="t")
        moment = place.where()
        for _ in range(100):
            with pytest.raises(AuthFault, match="answered 503"):
                await vault.fetch(wanted, moment)

        assert len(asked) == 1
        place.clock.move(seconds=2)
        with pytest.raises(AuthFault, match="answered 503"):
            await vault.fetch(wanted, place.where())
        assert len(asked) == 2


async def test_the_operators_own_token_goes_only_where_it_is_meant_to(openbao: OpenBao) -> None:
    path = v2(openbao)
    openbao.api("POST", f"{path}/data/mq", {"data": {"p": CANARY}})
    secret = VaultSecret("p", f"{path}/data/mq", "p")
    own = Secret(openbao.token)
    strict = RemoteSettings(vault_token=own, vaults=("https://vault.example",))
    trusting = RemoteSettings(vault_token=own, vaults=(openbao.url,))

    async with placed() as place, recorded(openbao.url) as seen:
        with pytest.raises(AuthFault, match=r"token is not sent to it: give 'credential\.token'"):
            await vault.fetch(source(seen.url, secret), place.where(strict))
        assert seen.calls == []
        with pytest.raises(AuthFault, match="nor VAULT_TOKEN of the operator is given"):
            await vault.fetch(source(openbao.url, secret), place.where())

        for where in (place.where(trusting), place.where(strict, home=OPERATOR)):
            found = await vault.fetch(source(openbao.url, secret), where)
            assert shown(found.values) == {"p": CANARY}


async def test_a_vault_with_a_certificate_of_its_own_authority(
    openbao: OpenBao, tmp_path: Path
) -> None:
    path = v2(openbao)
    openbao.api("POST", f"{path}/data/mq", {"data": {"p": CANARY}})
    files = certificates.make(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.server, files.server_key)
    secret = VaultSecret("p", f"{path}/data/mq", "p")

    async with placed() as place, recorded(openbao.url, tls) as seen:
        wanted = source(seen.url, secret, token=openbao.token)
        with pytest.raises(AuthFault, match="its certificate is not trusted"):
            await vault.fetch(wanted, place.where())
        trusting = remote_of({"VAULT_CACERT": str(files.authority)})
        assert shown((await vault.fetch(wanted, place.where(trusting))).values) == {"p": CANARY}

        for file in (tmp_path / "gone", files.server_key):
            odd = place.where(remote_of({"VAULT_CACERT": str(file)}))
            with pytest.raises(AuthFault, match=r"authorities in|not a PEM certificate"):
                await vault.fetch(wanted, odd)


@pytest.fixture
def free_url() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}"
