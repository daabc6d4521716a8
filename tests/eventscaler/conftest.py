"""Fixtures of the event half's tests."""

from __future__ import annotations

from tests.eventscaler.clusters import client, namespace

__all__ = ["client", "namespace"]
