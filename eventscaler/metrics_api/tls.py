"""TLS of the server: one context for good, and behind it the one that new connections get.

A certificate or an authority that is rotated is in use from the next handshake on; the port never
closes. A caller's certificate is asked for, and verified where one is shown; without one he needs a
token.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from kube.certificates import KeyPair


class Tls:
    """What the socket listens with; `use` changes what the next caller is shown."""

    def __init__(self, first: ssl.SSLContext) -> None:
        self.context = _bare()
        self._current = first
        self.context.sni_callback = self._choose

    def use(self, context: ssl.SSLContext) -> None:
        self._current = context

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        """Called in each handshake, with or without a server name."""
        connection.context = self._current


def context_of(pair: KeyPair, callers: str) -> ssl.SSLContext:
    """A context that shows *pair*; blocks for a moment, so call it in a thread.

    *callers* is the PEM of the authority of callers' certificates; "" accepts none.

    Raises:
        ssl.SSLError, ValueError: one of them is no PEM, or the key is another's.
    """
    context = _bare()
    with _named(pair.certificate + b"\n" + pair.key) as path:
        context.load_cert_chain(path)
    if callers:
        context.load_verify_locations(cadata=callers)
    return context


def _bare() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextmanager
def _named(secret: bytes) -> Iterator[str]:
    """*secret* as a file, which is how `ssl` wants it; in memory where there are such files.

    The operator's container has no folder that it may write to.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tls")
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile() as named:
        named.write(secret)
        named.flush()
        yield named.name
