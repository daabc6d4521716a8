"""Everything that users are told of an object goes through here: as Events, and as CloudEvents."""

from __future__ import annotations

from collections.abc import Iterable

from eventscaler.cloudevents import Emitter
from eventscaler.scaling.events import Notice
from kube.events import Recorder, Reference


class Teller:
    def __init__(self, recorder: Recorder, emitter: Emitter) -> None:
        self._recorder = recorder
        self._emitter = emitter

    def say(self, about: Reference, notices: Iterable[Notice]) -> None:
        """Tell of *notices*. Never waits."""
        for notice in notices:
            self._recorder.emit(
                about, type=notice.type, reason=notice.reason, message=notice.message
            )
            self._emitter.tell(about, notice.reason, notice.message)
