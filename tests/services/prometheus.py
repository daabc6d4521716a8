"""A Prometheus of the test run's own; it scrapes itself every half second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.processes import Server, free_ports
from tests.services.install import program

START_S = 30.0
# Recording rules give tests numbers that never move.
RULES = """
groups:
  - name: numbers
    interval: 200ms
    rules:
      - {record: tandem_seven, expr: vector(7)}
      - {record: tandem_many, expr: vector(1), labels: {which: a}}
      - {record: tandem_many, expr: vector(2), labels: {which: b}}
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str


@contextmanager
def started(folder: Path) -> Iterator[Prometheus]:
    """The address of a server that has evaluated its rules."""
    binary = program("prometheus")
    assert binary is not None, "the fixture has looked"
    (port,) = free_ports(1)
    (folder / "rules.yml").write_text(RULES)
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 500ms}\n"
        "rule_files: [rules.yml]\n"
        "scrape_configs:\n"
        f"  - {{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
    )
    command = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = Server(command, folder / "prometheus.log")
    url = f"http://127.0.0.1:{port}"
    try:
        server.wait_until(lambda: _has_numbers(url), START_S)
        yield Prometheus(url)
    finally:
        server.stop()


def _has_numbers(url: str) -> bool:
    try:
        with urlopen(f"{url}/api/v1/query?query=count(tandem_many)", timeout=5) as answer:
            return b'"2"' in answer.read()
    except OSError:
        return False
