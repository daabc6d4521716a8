"""What the tests of scalers share: an `IO` with a real clock, closed after the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from scalers.io import IO


@pytest.fixture
async def io() -> AsyncIterator[IO]:
    shared = IO(lambda: datetime.now(UTC))
    yield shared
    await shared.close()
