"""The figures that RabbitMQ's modes make of queues, as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from scalers._queues import Mode, Operation, Queue, matching, sample
from scalers.base import Sample, ScalerError


@pytest.mark.parametrize(
    ("queue", "mode", "expected"),
    [
        pytest.param(Queue(3, 2), Mode.QUEUE_LENGTH, Sample(5), id="ready and unacknowledged"),
        pytest.param(
            Queue(9, 0, 2), Mode.MESSAGE_RATE, Sample(2, 9), id="a backlog is activity for a rate"
        ),
        pytest.param(Queue(0, 0, 0, 4), Mode.DELIVER_GET_RATE, Sample(4), id="delivered"),
        pytest.param(Queue(0, 0, 6, 4), Mode.RATIO, Sample(1.5), id="published per delivered"),
        pytest.param(
            Queue(0, 0, 6, 0), Mode.RATIO, Sample(3, active=True), id="nobody takes what comes"
        ),
        pytest.param(Queue(), Mode.RATIO, Sample(0), id="no traffic"),
        pytest.param(Queue(100, 0, 20, 10), Mode.TIME, Sample(11), id="ten seconds and growth"),
        pytest.param(Queue(5, 0, 0, 0), Mode.TIME, Sample(3, active=True), id="nobody drains it"),
        pytest.param(Queue(0, 0, 9, 9), Mode.TIME, Sample(0), id="empty"),
        pytest.param(Queue(1, 0, 0, 10), Mode.TIME, Sample(0), id="shrinks at once: not below 0"),
    ],
)
def test_modes(queue: Queue, mode: Mode, expected: Sample) -> None:
    assert sample([queue], mode, Operation.SUM, 3, ready_only=False) == expected


@pytest.mark.parametrize(("operation", "expected"), [("sum", 9), ("max", 6), ("avg", 3)])
def test_operations(operation: str, expected: float) -> None:
    found = [Queue(6), Queue(2), Queue(1)]
    answer = sample(found, Mode.QUEUE_LENGTH, Operation(operation), 0, ready_only=False)

    assert answer.value == expected


def test_more_than_one_page_is_refused() -> None:
    answer: dict[str, Any] = {"page_count": 2, "filtered_count": 150, "items": []}

    with pytest.raises(ScalerError, match="matches 150 queues; 'pageSize' is 100"):
        matching(answer, 100)
