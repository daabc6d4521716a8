"""The plan for people: what the lines say, and that they fit."""

from __future__ import annotations

import doctest
from dataclasses import replace

import pytest
from rich.cells import cell_len

from nodescaler.core.model import (
    Owner,
    Placement,
    Plan,
    PlannedNode,
    PodSpec,
    Snapshot,
    Unschedulable,
)
from tandem import documents
from tandem.files import InputFault, Where
from tandem.plan import PlanReport, nodes_view, options, view, words
from tandem.plan.nodes_view import node_lines
from tests.plan.kit import text_of

WEB = tuple(PodSpec("shop", f"web-{n}", owner=Owner("Deployment", "web")) for n in range(30))
NODE = PlannedNode(
    name="general-1",
    pool="general",
    instance_type="c6a.2xlarge",
    zone="us-east-1a",
    capacity_type="spot",
    usd_per_hour=0.1016,
    instance_types=("c6a.2xlarge", "m6a.2xlarge"),
    pods=WEB[:10],
    requests={"cpu": 4000, "memory": 2**30, "pods": 10},
    allocatable={"cpu": 8000, "memory": 2**31, "pods": 58},
)
GPU = replace(
    NODE,
    instance_type="g5.xlarge",
    usd_per_hour=1.006,
    instance_types=("g5.xlarge",),
    pods=WEB[10:11],
    requests=dict(NODE.requests) | {"nvidia.com/gpu": 1},
    allocatable=dict(NODE.allocatable) | {"nvidia.com/gpu": 1},
)
PLAN = Plan(
    new_nodes=(NODE, replace(NODE, name="general-2", pods=WEB[20:]), GPU),
    lower_bound_per_hour=1.1,
    first_fit_per_hour=1.5,
    method="market",
)


def report(plan: Plan = PLAN, **more: object) -> PlanReport:
    made = PlanReport(plan, Snapshot(pods=WEB), 0.25)
    return replace(made, **more)  # type: ignore[arg-type]  # the cases name real fields


@pytest.mark.parametrize(
    "module", [documents, nodes_view, options, view, words], ids=lambda m: m.__name__
)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # they are modules


def test_nodes_that_are_alike_are_one_group() -> None:
    lines = text_of(report()).splitlines()

    assert lines[:6] == [
        "1 x g5.xlarge    us-east-1a  spot  $1.0060/h  general  1 type would do",
        "    cpu █████·····  50%  memory █████·····  50%  pods █▌········  17%  GPU".replace(
            "GPU", "nvidia.com/gpu ██████████ 100%"
        ),
        "    shop/web-10",
        "2 x c6a.2xlarge  us-east-1a  spot  $0.1016/h  general  2 types would do",
        "    cpu █████·····  50%  memory █████·····  50%  pods █▌········  17%",
        "    20 pods of Deployment shop/web",
    ]


def test_the_sum_has_price_bound_gap_and_saving() -> None:
    assert text_of(report()).splitlines()[6:] == [
        "21 pods placed on 3 new nodes and 0 existing nodes, 0 left out",
        "$1.2092 an hour; no plan costs less than $1.1000, 9.9% above it (market, 250 ms)",
        "first-fit costs $1.5000 an hour: 19.4% saved, $212 a month",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_of_nodes_is_wider_than_the_terminal(width: int) -> None:
    lines = [str(line) for line in node_lines(PLAN.new_nodes, width)]

    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)


def test_a_name_that_is_wider_than_the_terminal_has_a_line_of_its_own() -> None:
    long = replace(NODE, pool="a" * 63)
    lines = [str(line).strip() for line in node_lines((long,), 60)]

    assert "a" * 63 in lines


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        pytest.param(
            Plan(existing=(Placement("n1", WEB[:2]),)),
            "existing node n1 takes 2 pods of Deployment shop/web",
            id="existing nodes",
        ),
        pytest.param(
            Plan(existing=tuple(Placement(f"n{n}", WEB[n : n + 1]) for n in range(25))),
            "5 more existing nodes take 5 pods",
            id="many existing nodes",
        ),
        pytest.param(Plan(method="market"), "nothing to launch (market, 250 ms)", id="nothing"),
        pytest.param(
            replace(PLAN, first_fit_per_hour=PLAN.usd_per_hour), "first-fit costs the same", id="="
        ),
        pytest.param(
            replace(PLAN, is_partial=True), "the deadline came first: a later plan", id="partial"
        ),
        pytest.param(
            Plan(relaxed=("10 pods of shop/web: preferred zone in (a)",)),
            "given up: 10 pods of shop/web: preferred zone in (a)",
            id="a preference that was given up",
        ),
        pytest.param(
            Plan(unschedulable=tuple(Unschedulable(pod, "needs 9 cpu") for pod in WEB[:12])),
            "stays out: 12 pods of Deployment shop/web: needs 9 cpu",
            id="pods that stay out for one reason",
        ),
    ],
)
def test_the_sentences(plan: Plan, said: str) -> None:
    assert said in text_of(report(plan))


def test_notes_and_faults_come_last() -> None:
    fault = InputFault(Where("pods.yaml", 2), "Pod web: spec: wrong")
    lines = text_of(report(notes=("by the way",), faults=(fault,))).splitlines()

    assert lines[-2:] == ["note: by the way", "pods.yaml, document 2: Pod web: spec: wrong"]
