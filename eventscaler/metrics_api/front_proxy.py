"""Whom the kube-apiserver speaks for: its certificate, and the headers that it adds.

The cluster says which authority, names and headers count, in the ConfigMap
kube-system/extension-apiserver-authentication. Pure.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from multidict import CIMultiDictProxy

from eventscaler.metrics_api.values import Caller


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """Who may speak for others.

    Attributes:
        authority: PEM of whoever signs its certificate; "" when nobody may.
        names: common names that count; none: every certificate of that authority.
    """

    authority: str = ""
    names: tuple[str, ...] = ()
    user_headers: tuple[str, ...] = ()
    uid_headers: tuple[str, ...] = ()
    group_headers: tuple[str, ...] = ()
    extra_prefixes: tuple[str, ...] = ()


def front_proxy(data: Mapping[str, str]) -> FrontProxy:
    """Read the ConfigMap's data.

    Raises:
        ValueError: a list in it is none.
    """
    return FrontProxy(
        authority=data.get("requestheader-client-ca-file", ""),
        names=_names(data, "requestheader-allowed-names"),
        user_headers=_names(data, "requestheader-username-headers"),
        uid_headers=_names(data, "requestheader-uid-headers"),
        group_headers=_names(data, "requestheader-group-headers"),
        extra_prefixes=_names(data, "requestheader-extra-headers-prefix"),
    )


def _names(data: Mapping[str, str], key: str) -> tuple[str, ...]:
    found = json.loads(data.get(key) or "[]")
    if not isinstance(found, list):
        told = f"'{key}': found {data[key]!r}, want a JSON list of names"
        raise ValueError(told)  # noqa: TRY004 - the text is wrong, not the type of an argument
    return tuple(str(name) for name in found)


def spoken_for(
    proxy: FrontProxy, certificate: Mapping[str, Any] | None, headers: CIMultiDictProxy[str]
) -> Caller | None:
    """The caller that the headers name; None when nobody trustworthy names one.

    *certificate* is the peer's, verified against the proxy's authority; None for none.
    """
    if not certificate or not proxy.authority:
        return None
    if proxy.names and common_name(certificate) not in proxy.names:
        return None
    user = _first(headers, proxy.user_headers)
    if not user:
        return None
    groups = [text for name in proxy.group_headers for text in headers.getall(name, [])]
    return Caller(
        user=user,
        uid=_first(headers, proxy.uid_headers),
        groups=tuple(groups),
        extra=_extra(headers, proxy.extra_prefixes),
    )


def common_name(certificate: Mapping[str, Any]) -> str:
    """Of the subject, as `ssl` gives it: `((("commonName", "x"),),)`."""
    for part in certificate.get("subject", ()):
        for key, text in part:
            if key == "commonName":
                return str(text)
    return ""


def _first(headers: CIMultiDictProxy[str], names: tuple[str, ...]) -> str:
    return next((headers[name] for name in names if headers.get(name)), "")


def _extra(
    headers: CIMultiDictProxy[str], prefixes: tuple[str, ...]
) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, text in headers.items():
        for prefix in prefixes:
            if name.lower().startswith(prefix.lower()):
                key = unquote(name[len(prefix) :].lower())
                found[key] = (*found.get(key, ()), text)
    return found
