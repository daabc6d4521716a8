"""What every test gets: no blocking call in the loop, and under TANDEM_STRICT=1 no skip at all."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.clusters", "tests.services.fixtures"]

STRICT = os.environ.get("TANDEM_STRICT") == "1"
# Laws are tried on the same examples each time, and a busy machine is no fault of theirs.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

OURS = ["kube", "scalers", "eventscaler", "nodescaler", "tandem"]


@pytest.fixture(autouse=True)
def _nothing_blocks_the_loop() -> Iterator[BlockBuster]:
    """A blocking call that our code makes inside the event loop raises BlockingError."""
    with blockbuster_ctx(scanned_modules=OURS) as buster:
        yield buster


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"TANDEM_STRICT=1 allows no skip: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """End with what was skipped and why, one line a reason."""
    skipped: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = _reason(report.longrepr).removeprefix("Skipped: ")
        skipped[reason] = skipped.get(reason, 0) + 1
    if skipped:
        terminalreporter.section("skipped, and why")
        for reason, count in sorted(skipped.items()):
            terminalreporter.write_line(f"{count:5d}  {reason}")
