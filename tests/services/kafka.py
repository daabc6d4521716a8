"""A one-node Kafka (KRaft) of the test run's own, from the jars that `make services` copied.

Four doors: plain, SASL (PLAIN, SCRAM, OAUTHBEARER with unsigned tokens), TLS, and SASL over TLS.
Source: https://kafka.apache.org/documentation/#kraft
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests import certificates
from tests.processes import Server, free_ports
from tests.services.install import kafka_home

USER, PASSWORD = "tandem", "swordfish-9"
SETTINGS = "server.properties"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
START_S = 90.0
JAVA = ("-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOGIN = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Kafka:
    """Bootstrap addresses; all but the first are empty for a broker that was not started here."""

    plaintext: str
    sasl: str = ""
    tls: str = ""
    sasl_tls: str = ""
    files: certificates.Certificates | None = None


def lacking() -> str:
    """What keeps a broker from starting here; "" when nothing does."""
    if not shutil.which("java"):
        return "no java"
    if not any((kafka_home() / "libs").glob("kafka_2.13-*.jar")):
        return "no Kafka jars in KAFKA_HOME or the cache; run `make services`"
    return ""


@contextmanager
def started(folder: Path) -> Iterator[Kafka]:
    """A new broker, with its data in *folder*."""
    ports = free_ports(5)
    files = made(folder, ports)
    with running(folder, ports) as doors:
        yield replace(doors, files=files)


def made(folder: Path, ports: list[int]) -> certificates.Certificates:
    """Certificates, settings and an empty log folder of a broker on *ports*."""
    files = certificates.make(folder)
    _format(folder, _configure(folder, files, ports))
    return files


@contextmanager
def running(folder: Path, ports: list[int]) -> Iterator[Kafka]:
    """The broker whose data are in *folder*, on the ports that it was made with."""
    settings = folder / SETTINGS
    server = Server(_java(folder, "kafka.Kafka", str(settings)), folder / "kafka.log", _environ())
    try:
        server.wait_until(lambda: "Kafka Server started" in server.tail(200), START_S)
        server.wait_until(lambda: all(_listens(port) for port in ports), START_S)
        doors = [f"127.0.0.1:{port}" for port in ports]
        yield Kafka(doors[0], doors[1], doors[2], doors[3])
    finally:
        server.stop()


def _format(folder: Path, settings: Path) -> None:
    users = [
        argument
        for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        for argument in ("--add-scram", f"{kind}=[name={USER},password={PASSWORD}]")
    ]
    arguments = ["format", "-t", CLUSTER_ID, "-c", str(settings), *users]
    command = _java(folder, "kafka.tools.StorageTool", *arguments)
    done = subprocess.run(command, env=_environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"formatting the log folder failed:\n{done.stdout}{done.stderr}"


def _java(folder: Path, main: str, *arguments: str) -> list[str]:
    logging = f"-Dlog4j.configuration=file:{folder / 'log4j.properties'}"
    return ["java", *JAVA, logging, "-cp", f"{kafka_home() / 'libs'}/*", main, *arguments]


def _configure(folder: Path, files: certificates.Certificates, ports: list[int]) -> Path:
    (folder / "log4j.properties").write_text(
        "log4j.rootLogger=INFO, out\n"
        "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
        "log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n\n"
    )
    identity = folder / "identity.pem"
    identity.write_text(files.server_key.read_text() + files.server.read_text())
    names = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")
    doors = ",".join(f"{n}://127.0.0.1:{p}" for n, p in zip(names, ports, strict=False))
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports[4]}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": ",".join(f"{n}:{n}" for n in names)
        + ",CONTROLLER:PLAINTEXT",
        "listeners": f"{doors},CONTROLLER://127.0.0.1:{ports[4]}",
        "advertised.listeners": doors,
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.enable": "false",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "background.threads": "2",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(identity),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(files.authority),
        "listener.name.ssl.ssl.client.auth": "required",
    }
    for door in ("sasl_plaintext", "sasl_ssl"):
        settings |= _logins(f"listener.name.{door}")
    path = folder / SETTINGS
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return path


def _logins(prefix: str) -> dict[str, str]:
    plain = f'{LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = f"{LOGIN}.scram.ScramLoginModule required;"
    oauth = (
        f"{LOGIN}.oauthbearer.OAuthBearerLoginModule required "
        'unsecuredLoginStringClaim_sub="broker";'
    )
    return {
        f"{prefix}.plain.sasl.jaas.config": plain,
        f"{prefix}.scram-sha-256.sasl.jaas.config": scram,
        f"{prefix}.scram-sha-512.sasl.jaas.config": scram,
        f"{prefix}.oauthbearer.sasl.jaas.config": oauth,
    }


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _environ() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
