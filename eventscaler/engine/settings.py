"""How often the engine looks at things. All in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from eventscaler.admission.objects import BUSY_POLL_S
from eventscaler.auth import AuthSettings


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Settings of the event half.

    Args:
        first_poll_s: start-up polls are spread over this, or the pollingInterval if shorter.
        jitter: how much of the pollingInterval a poll may come early; 0: objects that were made
            together stay in step.
        busy_poll_s: with a replica running, the longest wait; the HPA's own clock in KEDA.
        refresh_s: credentials and refused triggers are read again at least this often.
        retry_s: wait after the scale was changed under us.
        resync_s: how often everything is listed again; 0 for never.
        share_s: how old an answer may be for another trigger of the same source.
        auth: what authentications may read.
        hpa: objects that do not say otherwise are scaled by HPAs of ours.
        serves_metrics: there is a metrics API; without one there are no HPAs.
        cluster: what CloudEvents call this cluster where their source does not say.
        strict: a trigger with a key that it does not read is refused, not only warned of.
    """

    first_poll_s: float = 5.0
    jitter: float = 0.05
    busy_poll_s: float = BUSY_POLL_S
    refresh_s: float = 300.0
    retry_s: float = 1.0
    resync_s: float = 600.0
    share_s: float = 1.0
    auth: AuthSettings = field(default_factory=AuthSettings)
    strict: bool = False
    cluster: str = "kubernetes-default"
    hpa: bool = False
    serves_metrics: bool = False
