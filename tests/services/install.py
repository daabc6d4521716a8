"""`make services`: the real servers that tests want, as far as this machine can have them.

RabbitMQ and Prometheus come from Debian's packages, Kafka's jars from Maven Central, the Kubernetes
control plane and Helm from their Go modules. What is there already is left alone, so that a second
run takes a second; what cannot be had is named with the reason and the rest goes on. No service is
started.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

POM = Path(__file__).with_name("pom.xml")
SYSTEM = Path("/usr/sbin")
PACKAGES = {"rabbitmq-server": "rabbitmq-server", "prometheus": "prometheus"}
POLICY = SYSTEM / "policy-rc.d"
NEVER_START = "#!/bin/sh\nexit 101\n"


class Missing(Exception):
    """Something that a part needs and this machine lacks."""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tandem"


def kafka_version() -> str:
    found = ElementTree.parse(POM).getroot().find(".//{*}kafka.version")
    return (found.text or "") if found is not None else ""


def kafka_home() -> Path:
    """Where Kafka's jars are: KAFKA_HOME, or the cache that this program fills."""
    given = os.environ.get("KAFKA_HOME")
    return Path(given) if given else cache() / "kafka" / kafka_version()


def program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=str(SYSTEM))


def packages() -> str:
    """RabbitMQ and Prometheus through apt."""
    wanted = sorted(package for name, package in PACKAGES.items() if not program(name))
    if not wanted:
        return "there already"
    if not shutil.which("apt-get"):
        raise Missing(f"no apt-get here; install {' and '.join(wanted)} by hand")
    if os.geteuid() != 0:
        raise Missing(f"needs root: apt-get install {' '.join(wanted)}")
    with _services_stay_down():
        _run(["apt-get", "update"])
        _run(["apt-get", "install", "-y", "--no-install-recommends", *wanted])
    return f"installed {', '.join(wanted)}"


def kafka() -> str:
    """Kafka's jars through Maven, complete or not at all."""
    home = kafka_home()
    if any((home / "libs").glob("kafka_2.13-*.jar")):
        return f"there already, version {kafka_version()}"
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            raise Missing(f"no {tool} here; install a Java 17 runtime and Maven")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        libs = Path(folder) / "home" / "libs"
        goal = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
        scope = [f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
        _run(["mvn", "--quiet", "--batch-mode", f"--file={POM}", goal, *scope])
        shutil.rmtree(home, ignore_errors=True)
        libs.parent.rename(home)
    return f"installed version {kafka_version()}"


def control_plane() -> str:
    """etcd and Kubernetes through `tests.controlplane.build`."""
    build = importlib.import_module("tests.controlplane.build")
    if not shutil.which("go"):
        raise Missing("no go here; install a recent Go toolchain")
    if build.main() != 0:
        raise Missing("the build did not succeed; see above")
    return "there"


PARTS: dict[str, Callable[[], str]] = {
    "rabbitmq, prometheus": packages,
    "kafka": kafka,
    "kubernetes": control_plane,
}


def main() -> int:
    lacking = 0
    for name, part in PARTS.items():
        try:
            _say(f"{name}: {part()}")
        except (Missing, subprocess.CalledProcessError, OSError) as problem:
            lacking += 1
            _say(f"{name}: not installed: {problem}")
    _say(f"{len(PARTS) - lacking} of {len(PARTS)} parts are there")
    return 1 if lacking else 0


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Debian starts what it installs, unless policy-rc.d forbids it."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(NEVER_START)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _run(command: Sequence[str]) -> None:
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise Missing(f"`{' '.join(command[:2])}` ended with {done.returncode}:\n{end}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a program's output


if __name__ == "__main__":
    sys.exit(main())
