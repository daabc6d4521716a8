"""Fixtures: Helm without a cluster, and Helm and kubectl with a real one."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.charts.helm import Tool, environ_of
from tests.clusters import Cluster, Fleet, Kind
from tests.controlplane import build


@pytest.fixture
def unique() -> str:
    return f"chart-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def helm_program() -> Path:
    found = build.helm()
    if not found.is_file():
        pytest.skip(f"no {found.name}; `make services` builds it where Go is installed")
    return found


@pytest.fixture
def helm(helm_program: Path, tmp_path: Path) -> Tool:
    """Helm that knows no cluster."""
    return Tool(helm_program, environ_of(tmp_path, None))


@pytest.fixture
def bare_cluster(_real: Fleet) -> Cluster:
    """A real API server on which nothing reacts."""
    return _real.get(Kind.BARE)


@pytest.fixture
def installer(helm_program: Path, bare_cluster: Cluster, tmp_path: Path) -> Tool:
    """Helm with that cluster."""
    return Tool(helm_program, environ_of(tmp_path, bare_cluster.kubeconfig))


@pytest.fixture
def bare_kubectl(kubectl: Path, bare_cluster: Cluster, tmp_path: Path) -> Tool:
    return Tool(kubectl, environ_of(tmp_path, bare_cluster.kubeconfig))
