"""Rows and columns of Tables, which kubectl prints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tandem.sandbox.registry import Served
from tandem.sandbox.status import Json


def column_definitions(served: Served) -> list[Json]:
    return [
        {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0},
        {"name": "Created At", "type": "date", "format": "", "description": "", "priority": 0},
    ]


def table_row(served: Served, obj: Json, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"]["creationTimestamp"]]
