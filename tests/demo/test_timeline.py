"""The demo's figures are read off its samples, and its views show what the samples say."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from tandem.demo.scenario import Scenario
from tandem.demo.timeline import NodeLine, Sample, summarise
from tandem.demo.view import decision_line, plain, screen, sparkline

NODE = NodeLine(
    name="default-x",
    instance_type="m5.large",
    capacity_type="spot",
    zone="us-east-1a",
    usd_per_hour=0.0345,
    ready=True,
    pods=2,
)
IDLE = Sample(seconds=1, backlog=0, done=0, replicas=0)
BUSY = Sample(
    seconds=12.34,
    backlog=280,
    done=20,
    replicas=10,
    pods=Counter(Running=2, Pending=8),
    nodes=(NODE,),
    claims=5,
)
OVER = Sample(seconds=60, backlog=0, done=300, replicas=0)


def test_the_figures_of_a_run() -> None:
    summary = summarise([IDLE, BUSY, OVER], published_at=3.0)

    assert summary.to_json() == {
        "peakReplicas": 10,
        "peakNodes": 1,
        "finalReplicas": 0,
        "finalNodes": 0,
        "messagesDone": 300,
        "firstPodRunningSeconds": 9.3,
    }


def test_no_pod_ever_ran() -> None:
    assert summarise([IDLE], published_at=None).firstPodRunningSeconds is None


def test_the_timeline_has_the_promised_keys() -> None:
    assert BUSY.to_json() == {
        "seconds": 12.3,
        "backlog": 280,
        "replicas": 10,
        "podsPending": 8,
        "podsRunning": 2,
        "nodes": 1,
        "pricePerHour": 0.0345,
    }


def test_zero_means_that_nothing_is_left_over() -> None:
    assert IDLE.at_zero
    assert not BUSY.at_zero
    assert not Sample(seconds=0, backlog=0, done=0, replicas=0, claims=1).at_zero


@pytest.mark.parametrize(
    ("last", "now", "wanted"),
    [
        pytest.param(None, IDLE, True, id="the first"),
        pytest.param(IDLE, replace(IDLE, seconds=9), False, id="nothing happened"),
        pytest.param(IDLE, replace(IDLE, seconds=1.5, backlog=9), False, id="too soon for backlog"),
        pytest.param(IDLE, replace(IDLE, seconds=3.0, backlog=9), True, id="the backlog moved"),
        pytest.param(IDLE, replace(IDLE, seconds=1.1, replicas=1), True, id="replicas moved"),
        pytest.param(IDLE, replace(IDLE, seconds=1.1, nodes=(NODE,)), True, id="a node came"),
    ],
)
def test_which_samples_get_a_line(last: Sample | None, now: Sample, wanted: bool) -> None:
    assert now.worth_a_line(last) == wanted


def test_a_plain_line_has_every_figure() -> None:
    assert plain(BUSY) == (
        "[ 12.3s] backlog 280  replicas 10  pods 2 running 8 pending  nodes 1  $0.0345/h  done 20"
    )


def lines(samples: list[Sample], decisions: list[str], width: int, height: int) -> list[str]:
    page = io.StringIO()
    console = Console(width=width, height=height, file=page)
    console.print(screen(samples, decisions, hint="kubectl get no", width=width, height=height))
    return page.getvalue().splitlines()


def test_the_screen_shows_nodes_prices_and_decisions() -> None:
    text = "\n".join(lines([IDLE, BUSY], ["scaled worker → 10 (why not)"], 110, 30))

    for part in ("280 messages", "m5.large", "spot", "$0.0345 an hour", "8 pending", "→ 10"):
        assert part in text


@pytest.mark.parametrize("nodes", [0, 1, 5, 40])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_the_screen_fits_and_keeps_the_newest(nodes: int, width: int, height: int) -> None:
    """One line is left free, or the terminal scrolls."""
    sample = replace(BUSY, nodes=(NODE,) * nodes)
    decisions = [f"claim created c{n} (cheapest{' for pods' * n})" for n in range(12)]

    found = lines([IDLE, sample], decisions, width, height)

    assert len(found) == height - 1
    assert found[-1] == "kubectl get no"
    assert "c11 (cheapest for pods" in "\n".join(found)
    assert max(map(len, found)) <= width
    assert not any("…" in line for line in found)


def test_a_flat_history_is_a_flat_line() -> None:
    assert sparkline([0, 0, 0], 3) == "   "


def test_a_decision_reads_as_a_sentence() -> None:
    event = {"event": "scaled", "object": "demo/worker", "decided": 10, "why": "300 waiting"}
    assert decision_line(event) == "scaled worker → 10 (300 waiting)"
    assert decision_line({"event": "held", "object": "a", "why": "blind"}) == "held a (blind)"
    assert decision_line({"event": "removing", "decided": ["a", "b"]}) == "removing  → a, b"


def test_more_messages_get_more_time() -> None:
    """The demo itself is over within two minutes."""
    assert Scenario().longest_s == 115
    assert Scenario(messages=1300).longest_s == 175
