"""Bodies as kubectl's typed commands write them, built here field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.sandbox.protobuf import NotProtobuf, decode


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def text(number: int, value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value % 2**64)


def enveloped(api_version: str, kind: str, message: bytes) -> bytes:
    return b"k8s\x00" + text(1, text(1, api_version) + text(2, kind)) + text(2, message)


def test_an_eviction_as_drain_sends_it() -> None:
    metadata = text(1, "web-0") + text(2, "") + text(3, "shop")
    options = whole(1, 30)

    found = decode(enveloped("policy/v1", "Eviction", text(1, metadata) + text(2, options)))

    assert found == {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "web-0", "namespace": "shop"},
        "deleteOptions": {"gracePeriodSeconds": 30},
    }


def test_maps_lists_quantities_and_inlined_messages() -> None:
    labels = text(11, text(1, "app") + text(2, "web"))
    requests = text(2, text(1, "cpu") + text(2, text(1, "500m")))
    probe = text(1, text(2, text(1, "/ok") + text(2, whole(1, 0) + whole(2, 8080)))) + whole(2, 5)
    container = text(1, "c") + text(8, requests) + text(10, probe)

    found = decode(enveloped("v1", "Pod", text(1, labels) + text(2, text(2, container))))

    assert found["metadata"] == {"labels": {"app": "web"}}
    (shown,) = found["spec"]["containers"]
    assert shown["resources"] == {"requests": {"cpu": "500m"}}
    assert shown["livenessProbe"] == {
        "httpGet": {"path": "/ok", "port": 8080},
        "initialDelaySeconds": 5,
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="JSON"),
        pytest.param(enveloped("v1", "Nonsense", b""), id="unknown kind"),
        pytest.param(enveloped("v1", "Pod", b"\x0a\xff"), id="cut"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(NotProtobuf):
        decode(body)


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_keep_their_sign(value: int) -> None:
    found = decode(enveloped("v1", "Pod", text(1, whole(7, value))))

    assert found["metadata"]["generation"] == value
