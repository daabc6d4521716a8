"""Secrets that cannot print, and the two ways in which a trigger can go wrong.

    ScalerError      the source did not answer, or answered oddly: the scale is held
    TriggerFaults    the trigger as written cannot work: all its faults at once

Pure. No text that leaves this package carries a secret: `scrubbed` is the last sieve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn
from urllib.parse import unquote, urlsplit

MASK = "***"
SERVER_ERRORS, TOO_MANY = 500, 429
SHORTEST_SECRET = 4
"""Shorter secrets are not searched for in texts: masking every "a" hides the message itself."""


class Secret:
    """A value that only `reveal()` shows.

    >>> Secret("swordfish"), f"{Secret('swordfish')}"
    (Secret(***), '***')
    >>> Secret("a") == Secret("a"), Secret("a") == "a"
    (True, False)
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere: it cannot be pickled")


class ScalerError(Exception):
    """A source did not give a number that can be trusted; the message says which and why."""


class Refused(ScalerError):
    """The source answered, and its answer is no: asking again will not change that."""


def refusal(status: int, message: str) -> ScalerError:
    """What an answer other than 2xx means: a no, or a server in trouble that may get over it."""
    passes = status >= SERVER_ERRORS or status == TOO_MANY
    return ScalerError(message) if passes else Refused(message)


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a trigger.

    Args:
        path: where, as ``spec.triggers[0].metadata.lagThreshold``.
        message: what, beginning with the key in quotes.
        severity: a warning leaves the trigger working.
    """

    path: str
    message: str
    severity: Severity = Severity.ERROR


class TriggerFaults(Exception):
    """A trigger that cannot work, with everything that is wrong with it."""

    def __init__(self, trigger: str, faults: Sequence[Fault]) -> None:
        self.trigger = trigger
        self.faults = tuple(faults)
        super().__init__(f"trigger '{trigger}': " + "; ".join(f.message for f in self.faults))


class UnknownTrigger(Exception):
    """No scaler of this type exists; the message names the nearest one."""


def scrubbed(text: str, secrets: Iterable[Secret]) -> str:
    """*text* without any of *secrets*, nor the user information inside those that are URLs.

    >>> scrubbed("cannot log in as eve:hunter2", [Secret("amqp://eve:hunter2@mq/")])
    'cannot log in as eve:***'
    """
    parts = {part for secret in secrets for part in _parts(secret.reveal())}
    for part in sorted(parts, key=lambda p: (-len(p), p)):
        text = text.replace(part, MASK)
    return text


def _parts(secret: str) -> Iterable[str]:
    lines = [line.strip() for line in secret.splitlines()]
    found = [secret, *(line for line in lines if not line.startswith("-----"))]
    password = _password(secret)
    found += [password, unquote(password)]
    return (part for part in found if len(part) >= SHORTEST_SECRET)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:  # brackets that are no IPv6 address: not a URL, so without a password in it
        return ""
