"""What an HTTP server said, for a message: in one line, short, and never with our credentials.

A careless proxy repeats in its error page what it was sent. Then nothing of the page is shown, for
no list of encodings is complete enough to blank out a part. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote, urlsplit

LONGEST = 200
WITHHELD = "a text that repeats what it was sent, and is therefore not shown"


def quoted(text: str, credentials: Iterable[str]) -> str:
    """The beginning of *text*, unless any of *credentials* is in it.

    >>> quoted("no such   queue", ["hunter2"]), quoted("bad key hunter2", ["hunter2"])
    ('no such queue', 'a text that repeats what it was sent, and is therefore not shown')
    """
    flat = " ".join(text.split())
    if any(form in text or form in flat for each in credentials for form in _forms(each)):
        return WITHHELD
    return flat[:LONGEST]


def credentials_of(url: str, headers: Mapping[str, str]) -> Iterator[str]:
    """Every text of a request that may let somebody in: the URL's password, all header values.

    >>> sorted(credentials_of("http://me:p%40s@h/", {"Authorization": "Basic bWU6cHc="}))
    ['Basic bWU6cHc=', 'bWU6cHc=', 'p%40s', 'p@s', 'pw']
    """
    password = urlsplit(url).password or ""
    yield from filter(None, {password, unquote(password)})
    for value in headers.values():
        scheme, _, token = value.partition(" ")
        yield value
        yield from filter(None, [token])
        if scheme.lower() == "basic":
            yield from _password(token)


def _password(token: str) -> Iterator[str]:
    try:
        pair = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return  # not of our making: there is no password in it to be repeated
    yield from filter(None, [pair.partition(":")[2]])


def _forms(text: str) -> Iterator[str]:
    """A text as it stands, percent-encoded, and in base64 at each of its three phases."""
    if not text:
        return
    yield text
    yield quote(text, safe="")
    for pad in range(3):
        encoded = base64.b64encode(b"x" * pad + text.encode()).decode()
        certain = encoded[4:-4]
        if len(certain) >= 4:  # noqa: PLR2004 - a shorter piece is found in any text
            yield certain
