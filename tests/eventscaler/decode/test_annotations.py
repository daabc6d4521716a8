"""The annotations that steer a ScaledObject."""

from __future__ import annotations

import pytest

from eventscaler.core.model import Mode, Pause, Settings
from eventscaler.decode import scaled_object
from tests.eventscaler import manifests


def settings(**annotations: str) -> Settings:
    body = manifests.scaled_object()
    body["metadata"]["annotations"] = annotations
    order, faults = scaled_object(body)

    assert faults == ()
    assert order is not None
    return order.settings


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({"autoscaling.keda.sh/paused": "true"}, Pause(), id="paused"),
        pytest.param({"autoscaling.keda.sh/paused": "please"}, Pause(), id="odd counts as true"),
        pytest.param({"autoscaling.keda.sh/paused": "false"}, None, id="not paused"),
        pytest.param({"autoscaling.keda.sh/paused-replicas": "0"}, Pause(0), id="at zero"),
        pytest.param(
            {"autoscaling.keda.sh/paused-replicas": "4", "autoscaling.keda.sh/paused": "false"},
            Pause(4),
            id="a count beats the plain pause",
        ),
    ],
)
def test_pause(annotations: dict[str, str], expected: Pause | None) -> None:
    assert settings(**annotations).pause == expected


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("false", False)])
def test_one_way_pauses_and_force(value: str, expected: bool) -> None:
    prefix = "autoscaling.keda.sh/"
    assert settings(**{f"{prefix}paused-scale-in": value}).keep_in is expected
    assert settings(**{f"{prefix}paused-scale-out": value}).keep_out is expected
    assert settings(**{f"{prefix}force-activation": value}).force is expected


def test_nothing_is_steered_by_default() -> None:
    plain = settings()

    assert (plain.keep_in, plain.keep_out, plain.force, plain.jump) == (False,) * 4
    assert plain.mode is Mode.AUTO


def test_the_way_to_zero_and_the_mode() -> None:
    assert settings(**{"tandem.sh/zero": "jump"}).jump
    assert not settings(**{"tandem.sh/zero": "steps"}).jump
    assert settings(**{"tandem.sh/mode": "recommend"}).mode is Mode.RECOMMEND
    assert settings(**{"tandem.sh/mode": "off"}).mode is Mode.OFF


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "tandem.sh/mode",
            "of",
            (
                "metadata.annotations[tandem.sh/mode]: found 'of', "
                "want auto or recommend or off; did you mean 'off'?"
            ),
        ),
        (
            "tandem.sh/zero",
            "leap",
            "metadata.annotations[tandem.sh/zero]: found 'leap', want steps or jump",
        ),
    ],
)
def test_an_unknown_word_is_refused(key: str, value: str, message: str) -> None:
    body = manifests.scaled_object()
    body["metadata"]["annotations"] = {key: value}
    order, faults = scaled_object(body)

    assert order is None
    assert [str(fault) for fault in faults] == [message]


@pytest.mark.parametrize("text", ["-1", "two", "", "99999999999"])
def test_a_pause_at_no_number_is_refused(text: str) -> None:
    body = manifests.scaled_object()
    body["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": text}

    order, faults = scaled_object(body)

    assert order is None
    assert [str(fault) for fault in faults] == [
        (
            f"metadata.annotations[autoscaling.keda.sh/paused-replicas]: found '{text}', "
            "want a whole number of at least 0"
        )
    ]
