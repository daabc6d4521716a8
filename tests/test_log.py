"""One line an event, and a live view that can listen in."""

from __future__ import annotations

import io
import json
import logging

import structlog

from tandem import log


def test_a_decision_is_one_line_of_json() -> None:
    stream = io.StringIO()
    log.configure(style=log.LogFormat.JSON, stream=stream)

    structlog.get_logger("t").info("scaled", object="shop/web", decided=3, why="90 at 30 each")

    line = json.loads(stream.getvalue())
    assert line | {"timestamp": ""} == {
        "event": "scaled",
        "object": "shop/web",
        "decided": 3,
        "why": "90 at 30 each",
        "level": "info",
        "logger": "t",
        "timestamp": "",
    }


def test_other_libraries_log_in_the_same_shape() -> None:
    stream = io.StringIO()
    log.configure(style=log.LogFormat.JSON, stream=stream)

    logging.getLogger("elsewhere").warning("odd %s", "thing")
    logging.getLogger("kopf.reactor").info("chatter")
    logging.getLogger("aiormq.connection").error("what our own line says too")

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["odd thing"]


def test_below_the_level_nothing_is_printed() -> None:
    stream = io.StringIO()
    log.configure(level="warning", style=log.LogFormat.JSON, stream=stream)

    structlog.get_logger("t").info("scaled")

    assert stream.getvalue() == ""


def test_a_live_view_keeps_the_lines_for_itself() -> None:
    stream, tail, heard = io.StringIO(), log.Tail(swallow=True), []
    tail.listeners.append(lambda event: heard.append(event["event"]))
    log.configure(style=log.LogFormat.JSON, stream=stream, tail=tail)

    structlog.get_logger("t").info("scaled", object="a")

    assert heard == ["scaled"]
    assert [line["object"] for line in tail.lines] == ["a"]
    assert stream.getvalue() == ""
