"""What the tests of scalers share: an `IO` with a real clock, closed after the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import settings

from scalers.io import IO

# A busy machine is no fault of the code: laws are held without a stopwatch.
settings.register_profile("scalers", deadline=None)
settings.load_profile("scalers")


@pytest.fixture
async def io() -> AsyncIterator[IO]:
    shared = IO(lambda: datetime.now(UTC))
    yield shared
    await shared.close()
