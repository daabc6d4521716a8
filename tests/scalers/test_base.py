"""Parsing and reading triggers, apart from any one scaler."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest

from scalers._params import read_all
from scalers.base import (
    Around,
    Pairs,
    Param,
    Sample,
    Scaler,
    ScalerError,
    Seconds,
    Secret,
    Severity,
    Trigger,
    TriggerFaults,
    TriggerSpec,
    UnknownTrigger,
    checked,
    load,
    parse,
    read,
    types,
)
from scalers.io import IO, IOSettings
from tests.scalers.tools import spec

NO_PAIRS = Pairs(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """One key of each kind."""

    name: Annotated[str, Param("name", "mea")]
    count: Annotated[int, Param("count", at_least=1)] = 1
    rate: Annotated[float, Param("rate", above=0, is_target=True)] = 1.5
    wait: Annotated[Seconds | None, Param("wait")] = None
    parts: Annotated[tuple[str, ...], Param("parts", sep=";")] = ()
    numbers: Annotated[frozenset[int], Param("numbers")] = frozenset()
    labels: Annotated[Pairs, Param("labels")] = NO_PAIRS
    token: Annotated[Secret | None, Param("token", "ae")] = None
    old: Annotated[str, Param("old", deprecated="use 'name'")] = ""
    never: Annotated[str, Param("never", refused="cannot work; use 'name'")] = ""
    namespace: Annotated[str, Around("namespace")]

    def problems(self) -> Iterator[str]:
        if self.name == "both" and self.old:
            yield "'name' and 'old' exclude each other"


def meta(spec: TriggerSpec) -> tuple[Every | None, list[str]]:
    found, faults = read_all(Every, spec)
    return found, [f"{fault.severity} {fault.path}: {fault.message}" for fault in faults]


def test_every_kind_is_read() -> None:
    given = {
        "name": " a ", "count": "3", "rate": "1e2", "wait": "1m30s", "parts": "a; b",
        "numbers": "1,3-5", "labels": "k=v%2C,j=1",
    }  # fmt: skip
    found, faults = meta(spec("every", given, {"token": "t"}, namespace="shop"))

    assert faults == []
    assert found == Every(
        name="a", count=3, rate=100.0, wait=Seconds(90.0), parts=("a", "b"),
        numbers=frozenset({1, 3, 4, 5}), labels=Pairs((("j", "1"), ("k", "v,"))),
        token=Secret("t"), namespace="shop",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("auth", "metadata", "env", "expected"),
    [
        pytest.param("auth", "metadata", "env", "auth", id="the TriggerAuthentication wins"),
        pytest.param("", "metadata", "env", "metadata", id="then metadata"),
        pytest.param("", "", "env", "env", id="then the environment"),
        pytest.param("  ", " ", "env", "env", id="blank is absent"),
    ],
)
def test_where_a_key_comes_from(auth: str, metadata: str, env: str, expected: str) -> None:
    given = {"name": metadata, "nameFromEnv": "NAME"}
    found, _ = meta(spec("every", given, {"name": auth}, env={"NAME": env}))

    assert found is not None
    assert found.name == expected


def test_a_key_has_two_names() -> None:
    """As in KEDA: manifests for metrics-api are mostly written with `authMode`."""
    metadata = {"url": "http://h/", "valueLocation": "v", "targetValue": "1", "authMode": "bearer"}

    found = parse(spec("metrics-api", metadata, auth={"token": "t"}))

    assert (found.meta.auth_modes, found.meta.bearer_token) == (("bearer",), Secret("t"))
    assert found.warnings == ()
    both = metadata | {"authMode": "basic", "authModes": "bearer"}
    assert parse(spec("metrics-api", both, auth={"token": "t"})).meta.auth_modes == ("bearer",)


def test_all_faults_at_once_with_their_places() -> None:
    given = {
        "count": "0", "rate": "-1", "wait": "soon", "numbers": "5-1", "labels": "x", "never": "y",
        "old": "o", "nam": "z",
    }  # fmt: skip
    at = "spec.triggers[2].metadata"
    _, faults = meta(spec("every", given, index=2))

    assert faults == [
        (
            f"error {at}.name: 'name' is missing; give 'name' or 'nameFromEnv' or parameter 'name' "
            "of a TriggerAuthentication"
        ),
        f"error {at}.count: 'count' must be at least 1, got 0",
        f"error {at}.rate: 'rate' must be above 0, got -1",
        (
            f"error {at}.wait: 'wait' must be a duration such as '30s', or milliseconds such as "
            "'3000', got soon"
        ),
        f"error {at}.numbers: 'numbers' must be numbers and ranges such as '1,3-5', got 5-1",
        f"error {at}.labels: 'labels' must be pairs such as 'a=1,b=2', got x",
        f"warning {at}.old: 'old' is deprecated: use 'name'",
        f"error {at}.never: 'never' cannot work; use 'name'",
        f"warning {at}.nam: 'nam' is not a key of this trigger; did you mean 'name'?",
    ]


def test_keys_that_contradict_each_other() -> None:
    _, faults = meta(spec("every", {"name": "both", "old": "o"}))

    assert "error spec.triggers[0].metadata: 'name' and 'old' exclude each other" in faults


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("token", "is not read from metadata; write 'tokenFromEnv' or a TriggerAuthentication"),
        ("countFromEnv", "cannot come from the environment"),
        ("unheardOf", "is not a key of this trigger"),
    ],
)
def test_why_a_key_is_not_read(key: str, why: str) -> None:
    found, faults = meta(spec("every", {"name": "a", key: "1"}))

    assert found is not None, "a key that is not read does no harm"
    assert faults == [f"warning spec.triggers[0].metadata.{key}: '{key}' {why}"]


def test_an_unknown_type_names_the_nearest() -> None:
    with pytest.raises(UnknownTrigger, match=r"^'rabitmq' is not a trigger type; did you mean 'ra"):
        load("rabitmq")
    with pytest.raises(TriggerFaults) as refused:
        parse(spec("zzz", {}))
    (fault,) = refused.value.faults
    assert fault.path == "spec.triggers[0].type"
    assert fault.message == f"'zzz' is not a trigger type; there are {', '.join(types())}"


@pytest.mark.parametrize("name", ["base", "io", "docs", "_http", "aws_sqs_queue", "os", ""])
def test_what_is_no_trigger_type_is_never_loaded(name: str) -> None:
    with pytest.raises(UnknownTrigger):
        load(name)


def test_warnings_leave_a_trigger_working() -> None:
    given = {"serverAddress": "http://p", "query": "up", "threshold": "1", "tresholt": "2"}
    found = parse(spec("prometheus", given))

    assert [fault.severity for fault in found.warnings] == [Severity.WARNING]


def test_triggers_that_differ_in_thresholds_only_are_one_source() -> None:
    def source(**more: str) -> object:
        given = {"serverAddress": "http://p", "query": "up", "threshold": "1"} | more
        return parse(spec("prometheus", given)).source

    assert source(threshold="2", activationThreshold="9") == source()
    assert hash(source(threshold="2")) == hash(source())
    assert source(query="down") != source()


@pytest.mark.parametrize(
    ("sample", "active"),
    [
        pytest.param(Sample(5), False, id="at the threshold is not above it"),
        pytest.param(Sample(5.1), True, id="above"),
        pytest.param(Sample(0, activation_value=6), True, id="a value of its own"),
        pytest.param(Sample(9, active=False), False, id="the scaler's own verdict"),
    ],
)
def test_activity(sample: Sample, active: bool) -> None:
    given = {
        "serverAddress": "http://p", "query": "up", "threshold": "1", "activationThreshold": "5"
    }  # fmt: skip

    assert parse(spec("prometheus", given)).is_active(sample) is active


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1.0])
def test_odd_numbers_are_errors(odd: float) -> None:
    for sample in (odd, Sample(odd), Sample(0, activation_value=odd)):
        with pytest.raises(ScalerError, match="which is no amount to scale by"):
            checked(sample)


def made(reading: Any, settings: IOSettings | None = None) -> tuple[Trigger, IO]:
    """A trigger of no file, which reads with *reading*."""
    scaler = Scaler("every", Every, reading, target="rate")
    every = Every(name="n", token=Secret("swordfish"), namespace="x")
    trigger = Trigger(scaler, every, "orders", "s0-every", "AverageValue", 1.5, 0, "s")
    return trigger, IO(lambda: datetime.now(UTC), settings=settings)


async def test_an_answer_of_an_odd_shape_is_an_error_without_its_secrets() -> None:
    async def odd(meta: Every, io: IO) -> float:
        return float({"swordfish": 1}["trout"])

    async def telling(meta: Every, io: IO) -> float:
        raise ScalerError("no user swordfish here")

    with pytest.raises(ScalerError, match=r"^orders: an answer of an odd shape \(KeyError: 'trout"):
        await read(*made(odd))
    with pytest.raises(ScalerError, match=r"^orders: no user \*\*\* here$") as refused:
        await read(*made(telling))
    assert refused.value.__cause__ is None, "a traceback would print what the message hides"
    assert refused.value.__context__ is None


async def test_a_read_that_never_ends_is_given_up() -> None:
    async def endless(meta: Every, io: IO) -> float:
        await asyncio.Event().wait()
        return 0.0

    with pytest.raises(ScalerError, match=r"^orders: no answer within 0\.01 s$"):
        await read(*made(endless, IOSettings(read_timeout_s=0.01)))


PLANTED = "correct-horse-battery"
AUTHS: dict[str, dict[str, str]] = {
    "rabbitmq": {"host": f"amqp://eve:{PLANTED}@127.0.0.1:1/"},
    "kafka": {"sasl": "scram_sha512", "username": "eve", "password": PLANTED},
    "aws-sqs-queue": {"awsAccessKeyID": "AKIA", "awsSecretAccessKey": PLANTED},
    "prometheus": {"apiKey": PLANTED, "method": "query"},
    "metrics-api": {"bearerToken": PLANTED},
}
METADATA: dict[str, dict[str, str]] = {
    "rabbitmq": {"queueName": "orders"},
    "kafka": {"bootstrapServers": "127.0.0.1:1", "consumerGroup": "g", "topic": "t"},
    "aws-sqs-queue": {
        "queueURL": "http://127.0.0.1:1/1/q", "awsRegion": "eu-west-1",
        "awsEndpoint": "http://127.0.0.1:1",
    },
    "prometheus": {
        "serverAddress": "http://127.0.0.1:1", "query": "up", "threshold": "1",
        "authModes": "apiKey",
    },
    "metrics-api": {
        "url": "http://127.0.0.1:1", "valueLocation": "a", "targetValue": "1",
        "authModes": "bearer",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(AUTHS))
async def test_planted_secrets_appear_nowhere(
    kind: str, io: IO, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the trigger, its faults, the error of a dead endpoint, its chain, nor any log."""
    caplog.set_level(logging.DEBUG)
    written = spec(kind, METADATA[kind], AUTHS[kind])
    wanted = parse(written)
    with pytest.raises(ScalerError) as refused:
        await read(wanted, io)
    with pytest.raises(TriggerFaults) as faulty:
        parse(spec(kind, {}, dict.fromkeys(AUTHS[kind], f"{PLANTED}://")))
    told = [repr(written), repr(wanted), str(wanted), repr(wanted.source), str(faulty.value)]
    told += [repr(refused.value), str(refused.value), caplog.text, repr(io.statistics())]

    assert PLANTED not in "".join(told)
    assert refused.value.__context__ is None


def test_a_secret_cannot_be_written_anywhere() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret("a"))
    assert f"{Secret('a'):>5} {Secret('a')!r}" == "  *** Secret(***)"
