"""Certificates that we make: a real TLS handshake trusts them, and bundles stay short."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kube.certificates import MOST_BUNDLED, KeyPair, bundled
from kube.certificates import self_signed as issue

NOW = datetime.now(UTC)


async def greeted(folder: Path, issued: KeyPair, trust: bytes, host: str) -> bytes:
    """What a client that trusts *trust* hears of a server that calls itself *host*."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(issued.certificate)
    key.write_bytes(issued.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        client = ssl.create_default_context(cadata=trust.decode())
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname=host
        )
        heard = await reader.read()
        writer.close()
        return heard


@pytest.mark.parametrize("host", ["tandem.tandem.svc", "127.0.0.1"])
async def test_a_client_that_trusts_the_authority_connects(tmp_path: Path, host: str) -> None:
    issued = issue(["tandem.tandem.svc", "127.0.0.1"], NOW)
    others = b"".join(issue(["tandem.tandem.svc"], NOW).authority for _ in range(3))

    assert await greeted(tmp_path, issued, others + issued.authority, host) == b"hello"


async def test_others_do_not(tmp_path: Path) -> None:
    issued = issue(["tandem.tandem.svc"], NOW)

    with pytest.raises(ssl.SSLCertVerificationError):
        await greeted(tmp_path, issued, issue(["x"], NOW).authority, "tandem.tandem.svc")
    with pytest.raises(ssl.SSLCertVerificationError):
        await greeted(tmp_path, issued, issued.authority, "elsewhere.svc")


def test_a_bundle_holds_each_authority_once() -> None:
    one, other = issue(["a"], NOW).authority, issue(["a"], NOW).authority

    assert bundled(b"", one, NOW) == one
    assert bundled(one, other, NOW) == one + other
    assert bundled(one + other, other, NOW) == one + other


def test_a_bundle_loses_what_is_over_or_unreadable() -> None:
    one = issue(["a"], NOW).authority
    old = issue(["a"], NOW - timedelta(days=2), timedelta(days=1)).authority

    assert bundled(old, one, NOW) == one
    assert bundled(b"nonsense", one, NOW) == one


def test_a_bundle_stays_short() -> None:
    authorities = [issue(["a"], NOW).authority for _ in range(MOST_BUNDLED + 3)]
    bundle = b""
    for each in authorities:
        bundle = bundled(bundle, each, NOW)

    assert bundle == b"".join(authorities[-MOST_BUNDLED:])
