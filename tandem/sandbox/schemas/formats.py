"""String formats that structural schemas may ask for; unknown ones are ignored, as upstream does.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from urllib.parse import urlsplit

_DURATION = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h|d|w)")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[-+]\d{2}:\d{2})")


def _parses(read: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def _is_duration(text: str) -> bool:
    return text == "0" or re.fullmatch(f"(?:{_DURATION.pattern})+", text) is not None


def _date_time(text: str) -> datetime:
    if not _RFC3339.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())


def _uri(text: str) -> None:
    if not urlsplit(text).scheme:
        raise ValueError(text)


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date-time": _parses(_date_time),
    "date": _parses(date.fromisoformat),
    "duration": _is_duration,
    "uri": _parses(_uri),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "cidr": _parses(ipaddress.ip_network),
    "byte": _parses(lambda text: base64.b64decode(text, validate=True)),
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
}
