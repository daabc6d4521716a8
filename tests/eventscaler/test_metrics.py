"""What dashboards made for KEDA ask for is there: names, labels, and what is counted."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from eventscaler.metrics import Exposed, Meters, build_info, text_of
from eventscaler.readings import Asked, Readings
from scalers.base import TriggerSpec, parse
from scalers.io import IO
from tests.eventscaler.manifests import deployment, scaled_job, scaled_object
from tests.eventscaler.world import running
from tests.scalers.servers import answering, served

TRIGGER = {"namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type"}
OF_OBJECT, OF_JOB = {"namespace", "scaledObject"}, {"namespace", "scaledJob"}
PER_CALL = {"namespace", "scaled_resource", "scaler", "trigger_name", "metric_name", "status_code"}
# What KEDA's dashboard and its documentation select and group by.
ASKED_FOR = {
    "keda_build_info": {"version", "git_commit", "goversion", "goos", "goarch"},
    "keda_scaler_active": TRIGGER,
    "keda_scaler_metrics_value": TRIGGER,
    "keda_scaler_metrics_latency_seconds": TRIGGER,
    "keda_scaler_detail_errors_total": TRIGGER,
    "keda_scaled_object_errors_total": OF_OBJECT,
    "keda_scaled_object_paused": OF_OBJECT,
    "keda_scaled_job_errors_total": OF_JOB,
    "keda_trigger_registered_total": {"type"},
    "keda_resource_registered_total": {"type", "namespace"},
    "keda_internal_scale_loop_latency_seconds": {"namespace", "type", "resource"},
}


def labels_of(registry: CollectorRegistry) -> dict[str, set[str]]:
    """The label names of each series that is shown."""
    return {
        sample.name: set(sample.labels)
        for family in registry.collect()
        for sample in family.samples
    }


@pytest.mark.looptime
async def test_what_a_dashboard_asks_for_is_there_before_anything_goes_wrong() -> None:
    async with running() as world:
        build_info(world.meters, "1.2.3")
        await world.work(2)
        await world.apply(deployment(), scaled_object(), scaled_job())
        await asyncio.sleep(1)
        shown = labels_of(world.meters)

    assert {name: shown.get(name) for name in ASKED_FOR} == ASKED_FOR


EMPTY = {"data": {"resultType": "vector", "result": []}}
METADATA = {"query": "up", "threshold": "5"}
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def read(url: str, name: str = "", **metadata: str) -> CollectorRegistry:
    """The meters after one read of a prometheus trigger."""
    registry = CollectorRegistry()
    io = IO(lambda: NOON)
    spec = TriggerSpec(
        type="prometheus", name=name, metadata=METADATA | {"serverAddress": url} | metadata
    )
    asked = Asked("shop", "orders", 0, name or "s0-prometheus", parse(spec))
    try:
        await Readings(io, Meters(registry)).sample([asked])
    finally:
        await io.close()
    return registry


@pytest.mark.parametrize(("ignored", "errors"), [("true", 0), ("false", 1)])
async def test_an_empty_answer_is_counted(ignored: str, errors: int) -> None:
    async with served({"/api/v1/query": answering(json.dumps(EMPTY))}) as url:
        registry = await read(url, ignoreNullValues=ignored)
    labels = {
        "namespace": "shop",
        "scaledResource": "orders",
        "triggerName": "",
        "metricName": "s0-prometheus",
        "resourceType": "ScaledObject",
        "ignoreNullValues": ignored,
    }
    trigger = ("shop", "s0-prometheus", "orders", "s0-prometheus", "0", "scaledobject")
    names = ("namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type")
    value = registry.get_sample_value

    assert value("keda_scaler_empty_upstream_responses_total", labels) == 1
    failed = value("keda_scaler_detail_errors_total", dict(zip(names, trigger, strict=True)))
    assert failed == errors


@pytest.mark.parametrize(("status", "code"), [(200, "200"), (503, "503"), (None, "error")])
async def test_http_calls_are_counted_and_timed(status: int | None, code: str) -> None:
    body = {"data": {"resultType": "scalar", "result": [0, "7"]}}
    async with served({"/api/v1/query": answering(json.dumps(body), status or 200)}) as url:
        registry = await read(url if status else "http://127.0.0.1:1", name="load")
    labels = {
        "namespace": "shop",
        "scaled_resource": "orders",
        "scaler": "prometheus",
        "trigger_name": "load",
        "metric_name": "s0-prometheus",
        "status_code": code,
    }
    assert set(labels) == PER_CALL
    assert registry.get_sample_value("keda_scaler_http_requests_total", labels) == 1
    timed = {"scaler": "prometheus", "status_code": code}
    count = registry.get_sample_value("keda_scaler_http_request_duration_seconds_count", timed)
    assert count == 1


@pytest.mark.looptime
async def test_every_series_of_an_object_goes_with_it_and_no_other() -> None:
    meters = Meters(registry := CollectorRegistry())
    for name in ("orders", "other"):
        labels = ("shop", "s0-x", name, "x", "0", "scaledobject")
        meters.read(labels, 1.0, active=True, took_s=0.1)
        meters.failed(labels)
        meters.sampled(("shop", name, "ScaledObject"), wrong=True, paused=False)
        meters.began(("shop", name, "ScaledObject"), 0.5)
        meters.sampled(("shop", name, "ScaledJob"), wrong=True, paused=False)
    before = generate_latest(registry).decode()
    meters.forget(("shop", "orders", "ScaledObject"))
    after = generate_latest(registry).decode()

    gone = set(before.splitlines()) - set(after.splitlines())
    assert len(gone) == 7
    assert all('"orders"' in line for line in gone)
    assert [line for line in after.splitlines() if '"orders"' in line] == [
        'keda_scaled_job_errors_total{namespace="shop",scaledJob="orders"} 1.0'
    ]


def test_what_is_written_without_the_library_reads_as_what_it_writes() -> None:
    """Odd names of triggers too; by the library's own parser."""
    build_info(registry := Exposed(), "1.2.3")
    meters = Meters(registry)
    for name in ('say "no"', "back\\slash\\n", "two\nlines", "100 %", "für"):
        labels = ("shop", "s0-x", "orders", name, "0", "scaledobject")
        meters.read(labels, 1e22, active=True, took_s=0.00012)
        meters.failed(labels)
    meters.began(("shop", "orders", "ScaledObject"), 3.0)

    ours, theirs = (
        {
            (family.name, family.type, family.documentation): sorted(
                (sample.name, sorted(sample.labels.items()), sample.value)
                for sample in family.samples
            )
            for family in text_string_to_metric_families(text.decode())
        }
        for text in (text_of(registry), generate_latest(registry))
    )
    assert ours == theirs
    assert len(ours) > 10


async def test_a_scrape_sees_its_objects_while_they_change() -> None:
    """It is made in another thread than the one that counts."""
    meters = Meters(registry := Exposed())
    scrapes = [asyncio.create_task(asyncio.to_thread(text_of, registry)) for _ in range(3)]
    index = 0
    while not all(scrape.done() for scrape in scrapes) or index < 100:
        labels = ("shop", "s0-x", f"o{index}", "x", "0", "scaledobject")
        meters.read(labels, 1.0, active=True, took_s=0.1)
        index += 1
        if index % 50 == 0:
            await asyncio.sleep(0)

    assert all(b"keda_scaler_active" in scrape.result() for scrape in scrapes)
