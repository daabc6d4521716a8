"""Who hears of objects that change: the side of a watch that is not the watch."""

from __future__ import annotations

from typing import Any, Protocol


class Sink(Protocol):
    """Takes whole objects, with their apiVersion and kind; must return soon."""

    def changed(self, body: dict[str, Any]) -> None:
        """The object exists and looks like this; told again at will."""
        ...

    def gone(self, body: dict[str, Any]) -> None:
        """The object existed, last like this."""
        ...
