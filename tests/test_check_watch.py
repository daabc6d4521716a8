"""`tandem check --watch` as a process: a line a round, what the rounds remember, Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.scalers.servers import served
from tests.test_cli import tandem

JOBS = "jobTargetRef: {template: {spec: {containers: [{name: main, image: x}]}}}"
TARGET = "scaleTargetRef: {name: orders}"


def manifest(url: str, kind: str = "ScaledObject", **spec: str) -> str:
    more = "".join(f"  {key}: {value}\n" for key, value in spec.items())
    return f"""
apiVersion: keda.sh/v1alpha1
kind: {kind}
metadata: {{name: orders, namespace: shop}}
spec:
  {TARGET if kind == "ScaledObject" else JOBS}
{more}  triggers:
    - type: metrics-api
      name: queue
      metadata: {{url: "{url}/n", valueLocation: n, targetValue: "5"}}
"""


@asynccontextmanager
async def queue(*depths: int | None) -> AsyncIterator[str]:
    """A queue that is so deep at one look after the other, the last depth for ever."""
    left = list(depths)

    async def look(_: web.Request) -> web.Response:
        depth = left.pop(0) if len(left) > 1 else left[0]
        if depth is None:
            return web.Response(status=503)
        return web.json_response({"n": depth})

    async with served({"/n": look}) as url:
        yield url


async def watched(path: Path, *flags: str, lines: int) -> tuple[list[str], int, str]:
    """The first lines, and code and standard error after Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tandem",
        "check",
        "-f",
        str(path),
        *flags,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200"},
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        found = [(await process.stdout.readline()).decode() for _ in range(lines)]
        process.send_signal(signal.SIGINT)
        _, error = await process.communicate()
    assert process.returncode is not None
    return found, process.returncode, error.decode()


async def reports(path: Path, *flags: str, lines: int) -> list[dict[str, Any]]:
    found, code, error = await watched(path, "--json", *flags, lines=lines)
    assert (code, error) == (0, "")
    return [json.loads(line) for line in found]


async def test_a_round_remembers_the_one_before(tmp_path: Path) -> None:
    """A fall waits for its window, zero for the cooldown: which a single look cannot know."""
    path = tmp_path / "order.yaml"
    async with queue(12, 12, 4, 0) as url:
        path.write_text(manifest(url))
        found = await reports(path, "--watch=100ms", lines=4)

    moves = [(each["currentReplicas"], each["desiredReplicas"]) for each in found]
    assert moves == [(0, 3), (3, 3), (3, 3), (3, 3)]
    assert [each["triggers"][0]["value"] for each in found] == [12, 12, 4, 0]
    assert "scaleDown window holds 3" in found[2]["reason"]
    assert found[3]["active"] is False
    assert all(each["time"].endswith("Z") for each in found)


async def test_failures_are_counted_from_round_to_round(tmp_path: Path) -> None:
    """So a fallback comes in when it would."""
    path = tmp_path / "order.yaml"
    async with queue(None) as url:
        path.write_text(manifest(url, fallback="{failureThreshold: 1, replicas: 7}"))
        found = await reports(path, "--watch=100ms", lines=3)

    assert [each["desiredReplicas"] for each in found] == [0, 7, 7]


async def test_a_line_a_round(tmp_path: Path) -> None:
    path = tmp_path / "order.yaml"
    async with queue(12, None) as url:
        path.write_text(manifest(url))
        found, code, error = await watched(path, "--watch", "100ms", lines=2)

    assert (code, error) == (0, "")
    assert "  0 → 3 replicas  queue=12  queue: 12 at 5 each asks for 3; " in found[0]
    assert "  3 → 3 replicas  queue=no answer  " in found[1]
    assert "answered 503" in found[1]


async def test_a_scaled_job(tmp_path: Path) -> None:
    path = tmp_path / "jobs.yaml"
    async with queue(12) as url:
        path.write_text(manifest(url, "ScaledJob"))
        found = await reports(path, "--watch=100ms", lines=2)

    assert [each["jobs"]["create"] for each in found] == [3, 3]


async def test_without_a_length_of_time_it_is_the_polling_interval(tmp_path: Path) -> None:
    path = tmp_path / "order.yaml"
    async with queue(12) as url:
        path.write_text(manifest(url, pollingInterval="1"))
        found = await reports(path, "--watch", lines=2)

    assert len(found) == 2


@pytest.mark.parametrize(
    ("flag", "problem"),
    [
        ("--watch=soon", "--watch: found 'soon'; would do: a duration above 0"),
        ("--watch=0s", "--watch: found '0s'; would do: a duration above 0"),
    ],
)
def test_a_wrong_length_of_time(flag: str, problem: str) -> None:
    answer = tandem("check", "-f", "-", flag, given=manifest("http://127.0.0.1:1"))

    assert (answer.returncode, "Traceback" in answer.stderr) == (2, False)
    assert problem in answer.stderr


def test_a_refused_manifest_is_not_watched() -> None:
    given = manifest("http://127.0.0.1:1").replace("metrics-api", "metric-api")
    answer = tandem("check", "-f", "-", "--watch", given=given)

    assert answer.returncode == 2
    assert "did you mean 'metrics-api'?" in answer.stdout
