"""CloudEvents: what users are told, sent to whoever a (Cluster)CloudEventSource names.

    tell -> one queue a source, all of them together bounded -> send, again and again -> sink

Nothing here delays a decision: `Emitter.tell` appends and returns. A sink that is slow or dead
delays its own events only, and loses those that find no room, which are counted.
"""

from __future__ import annotations

from eventscaler.cloudevents.emitter import Emitter
from eventscaler.cloudevents.sending import Sender

__all__ = ["Emitter", "Sender"]
