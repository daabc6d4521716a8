"""Which authentications there are, for their meters and for the Events that tell of them.

What they yield is the business of `eventscaler.auth`. What was there before this process says
nothing: only a change is told, and by the process whose shard it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from eventscaler.auth.resolver import Key
from eventscaler.core.faults import Fault, errors, sentence
from eventscaler.engine.share import Share
from eventscaler.engine.teller import Teller
from eventscaler.metrics import Meters
from eventscaler.scaling.events import Notice
from kube.client import Json
from kube.events import Reference
from kube.resources import CLUSTER_TRIGGER_AUTHENTICATIONS, TRIGGER_AUTHENTICATIONS

RESOURCE_TYPES = {
    TRIGGER_AUTHENTICATIONS.kind: "trigger_authentication",
    CLUSTER_TRIGGER_AUTHENTICATIONS.kind: "cluster_trigger_authentication",
}


class Authentications:
    """The authentications that are known.

    Attributes:
        settled: the first list is in, so that what comes now is news.
    """

    def __init__(self, share: Share, meters: Meters, teller: Teller) -> None:
        self.settled = False
        self._share = share
        self._meters = meters
        self._teller = teller
        self._known: dict[Key, tuple[Reference, int]] = {}

    def learned(self, key: Key, body: Json, faults: Sequence[Fault]) -> None:
        """One was made or edited."""
        kind, namespace, name = key
        is_new = key not in self._known
        uid = str(body["metadata"].get("uid") or "")
        about = Reference(TRIGGER_AUTHENTICATIONS.api_version, kind, name, namespace, uid)
        self._known[key] = about, self._share.shard(body)
        if is_new:
            self._count(key, 1)
        self._tell(key, _news(kind, tuple(faults), is_new=is_new))

    def gone(self, key: Key) -> None:
        """One was deleted."""
        if key in self._known:
            self._count(key, -1)
            self._tell(key, Notice(f"{key[0]}Deleted", "triggers that use it are blind now"))
            del self._known[key]

    def _tell(self, key: Key, notice: Notice) -> None:
        about, shard = self._known[key]
        if self.settled and self._share.holds(shard):
            self._teller.say(about, [notice])

    def _count(self, key: Key, by: int) -> None:
        kind, namespace, _ = key
        self._meters.resources.labels(RESOURCE_TYPES[kind], namespace or "default").inc(by)


def _news(kind: str, faults: tuple[Fault, ...], *, is_new: bool) -> Notice:
    wrong = sentence(errors(faults))
    if wrong:
        return Notice(f"{kind}Failed", wrong, warning=True)
    if is_new:
        return Notice(f"{kind}Added", "triggers can use it")
    return Notice(f"{kind}Updated", "triggers use what it says now")
