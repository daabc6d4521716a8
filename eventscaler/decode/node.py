"""A cursor over raw JSON: typed reads that collect faults with their paths and never raise.

Each read marks its key as known; `unknown()` then reports the keys that nobody read, with the
nearest known name. A value of the wrong type counts as absent after its fault is recorded, so that
one mistake yields one fault and reading goes on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from eventscaler.core.faults import Fault, Severity

T = TypeVar("T")
MAX_INT32 = 2**31 - 1
SHOWN = 60
LONGEST_KEY = 253
MOST_STRANGE = 20  # each is compared with every known name


class Node:
    """One JSON object at *path*, or an empty one where none was given."""

    def __init__(self, raw: Any, path: str, faults: list[Fault]) -> None:
        self.path = path
        self.faults = faults
        self._known: set[str] = set()
        if raw is None:
            raw = {}
        elif not isinstance(raw, dict):
            self.fault("", raw, "an object")
            raw = {}
        self._raw: dict[str, Any] = _with_text_keys(raw, path, faults)

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if key and self.path else key or self.path

    def fault(self, key: str, found: Any, want: str, severity: Severity = Severity.ERROR) -> None:
        shown = found if isinstance(found, str) and found == "nothing" else show(found)
        self.faults.append(Fault(self.at(key), shown, want, severity))

    def has(self, key: str) -> bool:
        self._known.add(key)
        return self._raw.get(key) is not None

    def raw(self, key: str) -> Any:
        self._known.add(key)
        return self._raw.get(key)

    def text(
        self, key: str, default: str = "", *, required: bool = False, of: Sequence[str] = ()
    ) -> str:
        found = self.raw(key)
        if found is None or found == "":  # which is how Go leaves a text out
            if required:
                self.faults.append(Fault(self.at(key), "nothing", "a text"))
            return default
        if not isinstance(found, str):
            self.fault(key, found, "a text")
            return default
        if of and found not in of:
            self.fault(key, found, did_you_mean(found, of, "one of " + ", ".join(of)))
            return default
        return found

    def whole(
        self,
        key: str,
        default: int,
        *,
        at_least: int = 0,
        at_most: int = MAX_INT32,
        required: bool = False,
    ) -> int:
        if required and not self.has(key):
            self.fault(key, None, "a whole number")
        found = self.optional_whole(key, at_least=at_least, at_most=at_most)
        return default if found is None else found

    def optional_whole(
        self, key: str, *, at_least: int = 0, at_most: int = MAX_INT32
    ) -> int | None:
        found = self.raw(key)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or found > MAX_INT32:
            self.fault(key, found, "a whole number")
            return None
        if found < at_least:
            self.fault(key, found, f"at least {at_least}")
            return None
        if found > at_most:
            self.fault(key, found, f"at most {at_most}")
            return None
        return found

    def number(self, key: str, *, above: float | None = None) -> float | None:
        """A finite number that is written as a text; None where there is none."""
        found = self.text(key)
        if not found:
            return None
        try:
            value = float(found)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.fault(key, found, 'a number in quotes, such as "2.5"')
            return None
        if above is not None and value <= above:
            self.fault(key, found, f"above {above:g}")
            return None
        return value

    def flag(self, key: str) -> bool:
        found = self.raw(key)
        if found is not None and not isinstance(found, bool):
            self.fault(key, found, "true or false")
            return False
        return bool(found)

    def child(self, key: str) -> Node:
        return Node(self.raw(key), self.at(key), self.faults)

    def optional(self, key: str, read: Callable[[Node], T]) -> T | None:
        """What *read* makes of the object there; None where none was given."""
        return read(self.child(key)) if self.has(key) else None

    def children(self, key: str) -> list[Node]:
        found = self.raw(key)
        if found is None:
            return []
        if not isinstance(found, list):
            self.fault(key, found, "a list")
            return []
        return [Node(item, f"{self.at(key)}[{i}]", self.faults) for i, item in enumerate(found)]

    def texts(self, key: str) -> dict[str, str]:
        """A map of texts; other values are faults, with the quotes that would mend them."""
        found = self.raw(key)
        if found is None:
            return {}
        if not isinstance(found, dict):
            self.fault(key, found, "an object of texts")
            return {}
        found = _with_text_keys(found, self.at(key), self.faults)
        for name, value in found.items():
            if not isinstance(value, str):
                self.fault(f"{key}.{name}", value, f'a text: "{show(value)}" in quotes')
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def text_list(self, key: str) -> tuple[str, ...]:
        """A list of texts; other entries are faults."""
        found = self.raw(key)
        if found is None:
            return ()
        if not isinstance(found, list):
            self.fault(key, found, "a list of texts")
            return ()
        for index, entry in enumerate(found):
            if not isinstance(entry, str):
                self.fault(f"{key}[{index}]", entry, "a text")
        return tuple(entry for entry in found if isinstance(entry, str))

    def unknown(self) -> None:
        """Report the keys that were not read; call it after all reads."""
        strange, known = sorted(set(self._raw) - self._known), sorted(self._known)
        for key in strange[:MOST_STRANGE]:
            want = did_you_mean(key, known, "a field of this object")
            self.faults.append(Fault(self.at(key[:LONGEST_KEY]), show(key), want))
        if len(strange) > MOST_STRANGE:
            found = f"{len(strange) - MOST_STRANGE} more unknown fields"
            self.faults.append(Fault(self.path, found, "none"))


def _with_text_keys(raw: dict[Any, Any], path: str, faults: list[Fault]) -> dict[str, Any]:
    """*raw* without the keys that YAML 1.1 reads as something else: on, yes, 5."""
    odd = [key for key in raw if not isinstance(key, str)]
    faults += [Fault(path, show(key), "a text as key: put it in quotes") for key in odd]
    return {key: value for key, value in raw.items() if isinstance(key, str)}


def did_you_mean(found: str, known: Sequence[str], otherwise: str) -> str:
    near = get_close_matches(found, known, n=1, cutoff=0.6)
    return f"{otherwise}; did you mean '{near[0]}'?" if near else otherwise


def show(found: Any) -> str:
    """A value as a user wrote it, short; costs little, however large it is.

    >>> show("x"), show(3), show(None), show({"a": 1})
    ("'x'", '3', 'nothing', '{"a": 1}')
    """
    if found is None:
        return "nothing"
    if isinstance(found, str):
        return f"'{found[:SHOWN]}'"
    text = ""
    try:
        for part in _ENCODER.iterencode(found):
            text += part[: SHOWN + 1]
            if len(text) > SHOWN:
                return text[:SHOWN] + "..."
    except ValueError:  # Python writes no number of more than 4,300 digits
        return f"{text}a number of many digits"
    return text


class _Encoder(json.JSONEncoder):
    """Writes piece by piece; the fast encoder of `json` only knows the whole."""

    def default(self, o: Any) -> str:
        return str(o)


_ENCODER = _Encoder()
