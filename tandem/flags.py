"""Flags of `tandem run` that need reading: durations, amounts, factors; wrong ones in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from urllib.parse import urlsplit

from kube.values.duration import parse
from scalers._egress import Egress, Rule, rule
from tandem.errors import BadInput

STRICT = "KEDA_CHECK_UNEXPECTED_SCALERS_PARAMS"
LAST_PORT = 65535
FAMILY = re.compile(r"[a-z0-9][a-z0-9.-]*")


def seconds(flag: str, text: str, *, zero: bool = True) -> float:
    """A length of time that is not negative, and above 0 unless *zero* is allowed, in seconds.

    Raises:
        BadInput: none, with the flag, what was found and what would do.

    >>> seconds("--batch-idle-duration", "1m30s")
    90.0
    """
    wanted = f"a duration {'from' if zero else 'above'} 0, such as 1s or 500ms"
    try:
        found = parse(text).total_seconds()
    except ValueError as error:
        raise _bad(flag, text, wanted) from error
    if found < 0 or (found == 0 and not zero):
        raise _bad(flag, text, wanted)
    return found


def address(flag: str, text: str) -> tuple[str, int]:
    """Where to listen.

    Raises:
        BadInput: no host and port.

    >>> address("--listen", "127.0.0.1:8080")
    ('127.0.0.1', 8080)
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > LAST_PORT:
        raise _bad(flag, text, "host:port, such as 127.0.0.1:8080")
    return host, int(port)


def seconds_between(flag: str, text: str, *, least_s: float, most_s: float) -> float:
    """A length of time within bounds, in seconds.

    Raises:
        BadInput: none, or out of bounds.

    >>> seconds_between("--bound-service-account-token-expiry", "2h", least_s=3600, most_s=21600)
    7200.0
    """
    wanted = f"a duration from {least_s:g}s to {most_s:g}s, such as {least_s:g}s"
    try:
        found = parse(text).total_seconds()
    except ValueError as error:
        raise _bad(flag, text, wanted) from error
    if not least_s <= found <= most_s:
        raise _bad(flag, text, wanted)
    return found


def usd(flag: str, amount: float) -> float:
    """An amount in US dollars per hour, not negative.

    Raises:
        BadInput: negative or no number.
    """
    if not isfinite(amount) or amount < 0:
        raise _bad(flag, f"{amount:g}", "US dollars per hour from 0, such as 0.01")
    return amount


def factors(flag: str, texts: Iterable[str]) -> dict[str, float]:
    """``family=factor``, each family once, each factor above 0.

    Raises:
        BadInput: the first that is not.

    >>> factors("--performance-factor", ["m7g=1.2", "t3=0.8"])
    {'m7g': 1.2, 't3': 0.8}
    """
    found: dict[str, float] = {}
    for text in texts:
        family, sign, number = text.partition("=")
        factor = _number(number)
        if not sign or not FAMILY.fullmatch(family) or factor is None:
            raise _bad(flag, text, "FAMILY=FACTOR with a factor above 0, such as m7g=1.2")
        if found.get(family, factor) != factor:
            raise _bad(flag, text, f"one factor for {family}; it already is {found[family]:g}")
        found[family] = factor
    return found


def egress(allow: Iterable[str], deny: Iterable[str]) -> Egress:
    """The rules of --egress-allow and --egress-deny.

    Raises:
        BadInput: the first that says neither addresses nor a host.

    >>> str(egress([], ["10.0.0.0/8"]).deny[0])
    '10.0.0.0/8'
    """
    return Egress(_rules("--egress-allow", allow), _rules("--egress-deny", deny))


def addresses(flag: str, texts: Iterable[str], *, any_too: bool = False) -> tuple[str, ...]:
    """Addresses of servers; with *any_too* also "*".

    Raises:
        BadInput: the first that is neither http nor https.

    >>> addresses("--trusted-vault", ["https://vault:8200", "*"], any_too=True)
    ('https://vault:8200', '*')
    """
    found = tuple(texts)
    for text in found:
        if not _is_http(text) and not (any_too and text == "*"):
            raise _bad(flag, text, "an address such as https://vault.example:8200")
    return found


def _is_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets that are no IPv6 address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _rules(flag: str, texts: Iterable[str]) -> tuple[Rule, ...]:
    try:
        return tuple(map(rule, texts))
    except ValueError as error:
        raise BadInput(f"{flag}: {error}") from error


def shards(count: int, *, elect: bool, only: str | None) -> int:
    """The number of --shards, which needs Leases and the event half.

    Raises:
        BadInput: another flag leaves one of them out.
    """
    if count > 1 and not elect:
        raise _bad("--shards", str(count), "1 with --no-elect, which leaves the Leases out")
    if count > 1 and only == "nodes":
        raise _bad("--shards", str(count), "1 with --only nodes, which leaves out what is divided")
    return count


def strict(*, given: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether keys that a trigger does not read are refused: by the flag, or as KEDA is told it.

    >>> strict(given=False, environ={STRICT: "enabled"}), strict(given=False, environ={})
    (True, False)
    """
    return given or environ.get(STRICT) == "enabled"


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) and found > 0 else None


def _bad(flag: str, found: str, wanted: str) -> BadInput:
    return BadInput(f"{flag}: found {found!r}; would do: {wanted}")


def spelled(arguments: Sequence[str]) -> Iterator[str]:
    """*arguments* with a value for a `--watch` that has none, which click cannot leave out.

    >>> list(spelled(["check", "--watch", "-f", "x"]))
    ['check', '--watch=pollingInterval', '-f', 'x']
    >>> list(spelled(["check", "--watch", "5s"]))
    ['check', '--watch', '5s']
    """
    for this, following in zip(arguments, [*arguments[1:], ""], strict=True):
        bare = this == "--watch" and not following[:1].isdigit()
        yield "--watch=pollingInterval" if bare else this
