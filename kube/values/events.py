"""What an Event says and when two of them are the same.

Events about one object with one reason and one message are one Event with a count. Its name follows
from that, so that a restarted process goes on counting instead of starting a second one. One object
may cause a burst of events and then one every few minutes. Pure.

Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

EventType = Literal["Normal", "Warning"]

MESSAGE_LIMIT = 1024
NAME_LIMIT = 253


@dataclass(frozen=True, slots=True)
class Reference:
    """The object that an event is about; `namespace` is empty for cluster-scoped ones."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""

    @property
    def events_in(self) -> str:
        """The namespace where its events live."""
        return self.namespace or "default"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that may happen many times; equal ones are the same Event.

    >>> pod = Reference("v1", "Pod", "web-0", "shop", uid="u")
    >>> Happening(pod, "Normal", "Scaled", "2 to 3").name
    'web-0.59f48e5a7852626d'
    """

    regarding: Reference
    type: EventType
    reason: str
    message: str

    @property
    def name(self) -> str:
        about = self.regarding
        parts = (about.api_version, about.kind, about.uid, self.type, self.reason, self.message)
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        return f"{about.name[: NAME_LIMIT - 17]}.{digest}"


def happening(about: Reference, type_: EventType, reason: str, message: str) -> Happening:
    """Make one, without the version of the object and with the message cut to what fits."""
    stable = Reference(about.api_version, about.kind, about.name, about.namespace, about.uid)
    if len(message) > MESSAGE_LIMIT:
        message = message[: MESSAGE_LIMIT - 1] + "…"
    return Happening(stable, type_, reason, message)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many more events one object may cause: a bucket of tokens, filled over time.

    >>> Allowance(0.0, at_s=0.0).filled(450.0, refill_s=300.0, burst=25)
    Allowance(tokens=1.5, at_s=450.0)
    """

    tokens: float
    at_s: float

    def filled(self, now_s: float, *, refill_s: float, burst: int) -> Allowance:
        gained = (now_s - self.at_s) / refill_s
        return Allowance(min(float(burst), self.tokens + gained), now_s)

    @property
    def empty(self) -> bool:
        return self.tokens < 1.0

    def taken(self) -> Allowance:
        return Allowance(self.tokens - 1.0, self.at_s)
