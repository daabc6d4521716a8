"""TLS settings as values, and the SSL contexts made of them, one per distinct setting.

Python loads a client certificate only from a file; it is written to one that only this user can
read and is gone before the context is used. That happens in a thread: nothing blocks the loop.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scalers._errors import ScalerError, Secret
from scalers.io import IO


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM texts; `unsafe` skips the check of the server's certificate."""

    ca: Secret | None = None
    cert: Secret | None = None
    key: Secret | None = None
    key_password: Secret | None = None
    unsafe: bool = False

    @property
    def is_plain(self) -> bool:
        return self == PLAIN


PLAIN = Tls()


class _Context:
    broken = False

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    async def close(self) -> None:
        """A context holds nothing open."""


async def context(tls: Tls, io: IO) -> ssl.SSLContext:
    """The SSL context of *tls*, shared by all that have equal settings.

    Raises:
        ScalerError: a certificate or key cannot be read; the message says which.
    """

    async def opened() -> _Context:
        return _Context(await asyncio.to_thread(_made, tls))

    async with io.client(("tls", tls), opened) as shared:
        return shared.context


def _made(tls: Tls) -> ssl.SSLContext:
    made = ssl.create_default_context()
    if tls.unsafe:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if tls.ca:
        try:
            made.load_verify_locations(cadata=tls.ca.reveal())
        except (ssl.SSLError, ValueError):
            raise ScalerError("'ca' is not a PEM certificate") from None
    if tls.cert and tls.key:
        _load_pair(made, tls.cert, tls.key, tls.key_password)
    return made


def _load_pair(made: ssl.SSLContext, cert: Secret, key: Secret, password: Secret | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_text(f"{key.reveal()}\n{cert.reveal()}\n")
        try:
            made.load_cert_chain(pair, password=password.reveal() if password else "")
        except (ssl.SSLError, ValueError):
            problem = "'cert' and 'key' are no pair of PEM texts, or 'keyPassword' does not open it"
            raise ScalerError(problem) from None
