"""Measure what happens to pods: from creation to Running."""

from __future__ import annotations

from nodescaler.controllers.kit import Kit
from nodescaler.controllers.state import State
from nodescaler.core.model import PodSpec

RUNNING = "Running"


class Observing:
    def __init__(self, kit: Kit, state: State) -> None:
        self._kit = kit
        state.listen(pod=self._on_pod)

    def _on_pod(self, old: PodSpec | None, new: PodSpec | None) -> None:
        """Only a start that was seen counts: a pod that ran before this process is no news."""
        if old is None or new is None or new.created is None:
            return
        if old.phase != RUNNING and new.phase == RUNNING:
            took_s = (self._kit.now() - new.created).total_seconds()
            self._kit.metrics.pods_startup.observe(max(took_s, 0.0))
