"""`make services` on machines that lack things, and a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services import install

JAR = f"kafka_2.13-{install.kafka_version()}.jar"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A KAFKA_HOME of the test's own."""
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path / "kafka"))
    return tmp_path / "kafka"


def test_jars_that_are_there_are_left_alone(home: Path) -> None:
    (home / "libs").mkdir(parents=True)
    (home / "libs" / JAR).touch()

    assert install.kafka() == f"there already, version {install.kafka_version()}"


def test_what_is_missing_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))

    with pytest.raises(install.Missing, match="no java here; install a Java 17 runtime and Maven"):
        install.kafka()
    assert not home.exists(), "nothing half done"


def test_without_apt_the_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if install.program("prometheus") is not None:
        pytest.skip("prometheus is in /usr/sbin here")
    with pytest.raises(install.Missing, match=r"no apt-get here; install .*prometheus"):
        install.packages()


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")

    assert install.kafka_home() == Path("/somewhere/tandem/kafka") / install.kafka_version()
