"""Fixtures that give a test a cluster: the sandbox, and a real control plane where there is one.

`cluster` is the API alone: nothing reacts to what a test writes. `busy_cluster` also has the
workload controllers and the scheduler. Both are parametrized over the two halves; the real half is
skipped with its reason where no control plane is installed. The servers live as long as the pytest
session (of one xdist worker); a test keeps out of the others' way by a namespace of its own and by
unique names for what has no namespace.
"""

from __future__ import annotations

import ssl
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import aiohttp
import pytest

from kube.client import Client
from kube.http import HttpTransport
from kube.resources import NAMESPACES
from tests import control_plane
from tests.control_plane import ControlPlane, kubeconfig
from tests.processes import Server

HALVES = ("sandbox", "real")
SANDBOX_READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running API server and the way into it."""

    name: str
    url: str
    kubeconfig: Path
    token: str | None = None
    authority: Path | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def ssl(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=str(self.authority)) if self.authority else None

    def http(self) -> aiohttp.ClientSession:
        """A plain HTTP session; the caller closes it."""
        context = self.ssl()
        connector = aiohttp.TCPConnector(ssl=context, limit=0) if context else None
        return aiohttp.ClientSession(self.url, headers=self.headers, connector=connector)

    def client(self) -> Client:
        """Tandem's own client; the caller closes it."""
        credentials = Bearer(self.token) if self.token else None
        return Client(HttpTransport(self.url, tls=self.ssl(), credentials=credentials))


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that never expires."""

    token: str

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def refused(self) -> None:
        raise AssertionError("the test cluster refused its own administrator")


class Kind(Enum):
    """What a cluster is for; tests of one kind share it, by namespaces of their own."""

    BARE = "an API server that nothing else uses"
    BUSY = "with workload controllers and scheduler"
    OPERATED = "the same, with at most one operator at a time"


class Fleet:
    """The clusters of one half that run so far: at most one of each kind."""

    def __init__(self, start: Start, stack: ExitStack, folders: pytest.TempPathFactory) -> None:
        self._start, self._stack, self._folders = start, stack, folders
        self._running: dict[Kind, Cluster] = {}
        self._broken: dict[Kind, str] = {}

    def get(self, kind: Kind) -> Cluster:
        """Start the cluster when it does not run; a start that failed is not tried again."""
        if kind in self._broken:
            pytest.fail(self._broken[kind], pytrace=False)
        if kind not in self._running:
            folder = self._folders.mktemp("cluster")
            try:
                cluster = self._start(self._stack, folder, kind is not Kind.BARE)
            except (RuntimeError, TimeoutError) as error:
                self._broken[kind] = str(error)
                raise
            self._running[kind] = cluster
        return self._running[kind]


Start = Callable[[ExitStack, Path, bool], Cluster]


def _start_real(stack: ExitStack, folder: Path, with_controllers: bool) -> Cluster:
    programs = control_plane.assets()
    if programs is None:
        pytest.skip(control_plane.missing())
    plane = ControlPlane(programs, folder, with_controllers=with_controllers)
    stack.callback(plane.stop)
    return Cluster("real", plane.url, plane.write_kubeconfig(), plane.token, plane.authority)


def _start_sandbox(stack: ExitStack, folder: Path, with_controllers: bool) -> Cluster:
    """Run the embedded cluster as a process of its own."""
    address, config = folder / "address", folder / "kubeconfig"
    flags = ["--controllers"] if with_controllers else []
    command = [sys.executable, "-m", "tests.sandbox_process", str(address), *flags]
    server = Server(command, folder / "sandbox.log")
    stack.callback(server.stop)
    server.wait_until(address.is_file, SANDBOX_READY_S)
    url = address.read_text()
    config.write_text(kubeconfig(url))
    return Cluster("sandbox", url, config)


@pytest.fixture(scope="session")
def _real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(_start_real, stack, tmp_path_factory)


@pytest.fixture(scope="session")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(_start_sandbox, stack, tmp_path_factory)


@pytest.fixture(params=HALVES)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """An API server that nothing else uses: no controller, no scheduler, no kubelet."""
    return _launched(request, Kind.BARE)


@pytest.fixture(params=HALVES)
def busy_cluster(request: pytest.FixtureRequest) -> Cluster:
    """A cluster with workload controllers, garbage collector and scheduler."""
    return _launched(request, Kind.BUSY)


@pytest.fixture(params=HALVES)
def operated_cluster(request: pytest.FixtureRequest) -> Cluster:
    """As `busy_cluster`, for tests that run an operator: it would take others' pods for its own."""
    return _launched(request, Kind.OPERATED)


@pytest.fixture
def real_cluster(_real: Fleet) -> Cluster:
    """The real half of `operated_cluster` alone."""
    return _real.get(Kind.OPERATED)


@pytest.fixture
def kubectl() -> Path:
    """The kubectl of the control plane's release."""
    programs = control_plane.assets()
    if programs is None or not (programs / "kubectl").is_file():
        pytest.skip(control_plane.missing())
    return programs / "kubectl"


def _launched(request: pytest.FixtureRequest, kind: Kind) -> Cluster:
    fleet: Fleet = request.getfixturevalue(f"_{request.param}")
    return fleet.get(kind)


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    """The client of its administrator."""
    made = cluster.client()
    yield made
    await made.close()


@pytest.fixture
async def space(client: Client) -> str:
    """A fresh namespace."""
    name = f"space-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": name}})
    return name
