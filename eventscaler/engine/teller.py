"""Everything that users are told of an object goes through here: Events now, to others later."""

from __future__ import annotations

from collections.abc import Iterable

from eventscaler.scaling.events import Notice
from kube.events import Recorder, Reference


class Teller:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def say(self, about: Reference, notices: Iterable[Notice]) -> None:
        """Tell of *notices*. Never waits."""
        for notice in notices:
            self._recorder.emit(
                about, type=notice.type, reason=notice.reason, message=notice.message
            )
