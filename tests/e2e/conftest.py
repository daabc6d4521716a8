"""What end-to-end tests share."""

from __future__ import annotations

import uuid

import pytest


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return f"e2e-{uuid.uuid4().hex[:8]}"
