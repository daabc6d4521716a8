"""What a contract case gets: an API, and a corner of the cluster that no other case uses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from tests.clusters import Cluster
from tests.contract.http import Api
from tests.contract.places import Space, make_space, sweep_nodes, sweep_space


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    async with cluster.http() as session:
        yield Api(session)


@pytest.fixture
async def space(api: Api) -> Space:
    """A fresh namespace on a cluster where nothing reacts."""
    return await make_space(api, _suffix())


@pytest.fixture
async def busy_api(busy_cluster: Cluster) -> AsyncIterator[Api]:
    async with busy_cluster.http() as session:
        yield Api(session)


@pytest.fixture
async def busy_space(busy_api: Api) -> AsyncIterator[Space]:
    """A fresh namespace beside controllers and a scheduler; its pods and nodes are swept."""
    space = await make_space(busy_api, _suffix())
    yield space
    await sweep_space(busy_api, space)
    await sweep_nodes(busy_api, space)


def _suffix() -> str:
    return uuid.uuid4().hex[:8]
