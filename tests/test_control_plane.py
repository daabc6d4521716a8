"""The machinery around the real control plane, without starting one."""

from __future__ import annotations

import doctest
import signal
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from tests import certificates, control_plane
from tests.controlplane import build
from tests.processes import Server, free_ports

ROOT = Path(__file__).parent.parent


def test_the_examples_of_the_builder_hold() -> None:
    assert doctest.testmod(build).failed == 0


def test_kubernetes_and_etcd_are_pinned() -> None:
    text = (build.MODULE / "go.mod").read_text()

    assert build.release() == build.pinned(build.KUBERNETES, text)
    assert build.pinned(build.ETCD, text).startswith("v3.")


def test_every_staging_module_is_replaced_by_one_release() -> None:
    """Kubernetes requires them as v0.0.0, which no proxy has."""
    lines = (build.MODULE / "go.mod").read_text().splitlines()
    versions = {line.rsplit(" ", 1)[1] for line in lines if " => k8s.io/" in line}

    assert versions == {build.release().replace("v1.", "v0.", 1)}


def test_a_module_that_is_not_pinned_is_named() -> None:
    with pytest.raises(ValueError, match=r"go.mod requires no example.com/x"):
        build.pinned("example.com/x", "require k8s.io/kubernetes v1.2.3")


def test_the_folder_is_below_the_cache(tmp_path: Path) -> None:
    found = build.folder({"XDG_CACHE_HOME": str(tmp_path)})

    assert found == tmp_path / "tandem" / "controlplane" / build.release()


def filled(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for program in build.programs():
        (folder / program).touch()
    return folder


def test_a_filled_folder_is_left_alone(tmp_path: Path) -> None:
    assets = filled(tmp_path / "v1")
    before = assets.stat().st_mtime_ns

    build.build(assets)

    assert assets.stat().st_mtime_ns == before
    assert list(tmp_path.iterdir()) == [assets], "no lock, no scratch"


def test_only_what_is_lacking_is_built(tmp_path: Path) -> None:
    assets = filled(tmp_path / "v1")
    (assets / f"helm-{build.helm_release()}").rename(assets / "helm-v0.0.1")

    assert list(build.lacking(assets)) == [f"helm-{build.helm_release()}"]


def test_helm_lies_beside_the_control_plane(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    found = build.helm(cache)

    assert (found.parent, found.name) == (build.folder(cache), f"helm-{build.helm_release()}")


def test_without_go_the_builder_says_what_would_do(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    done = subprocess.run(
        [sys.executable, "-m", "tests.controlplane.build"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "no `go` on PATH; install Go" in done.stderr
    assert "KUBEBUILDER_ASSETS" in done.stderr
    left = [each.suffix for each in (tmp_path / "cache").rglob("*") if each.is_file()]
    assert left == [".lock"], "no half-filled folder"


def test_builds_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    order: list[str] = []

    def second() -> None:
        with build._locked(lock):
            order.append("second")

    with build._locked(lock):
        other = threading.Thread(target=second)
        other.start()
        other.join(0.05)
        order.append("first")
    other.join()

    assert order == ["first", "second"]


def test_assets_are_taken_from_the_variable_or_the_cache(tmp_path: Path) -> None:
    named = filled(tmp_path / "named")
    cache = {"XDG_CACHE_HOME": str(tmp_path)}

    assert control_plane.assets(cache) is None
    assert control_plane.assets(cache | {"KUBEBUILDER_ASSETS": str(named)}) == named
    filled(build.folder(cache))
    assert control_plane.assets(cache) == build.folder(cache)
    assert control_plane.assets(cache | {"KUBEBUILDER_ASSETS": str(tmp_path)}) is None


def test_a_missing_control_plane_says_how_to_get_one() -> None:
    assert "python -m tests.controlplane.build" in control_plane.missing()


def test_a_kubeconfig_is_yaml_with_one_context() -> None:
    text = control_plane.kubeconfig("https://127.0.0.1:1", token="t", authority=Path("/ca"))

    config = yaml.safe_load(text)

    assert config["current-context"] == config["contexts"][0]["name"]
    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority": "/ca",
    }
    assert config["users"][0]["user"] == {"token": "t"}


def test_the_server_certificate_is_trusted_through_its_authority(tmp_path: Path) -> None:
    made = certificates.make(tmp_path)

    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(made.server, made.server_key)
    trust = ssl.create_default_context(cafile=str(made.authority))

    assert len(trust.get_ca_certs()) == 1


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5


def test_a_server_that_dies_shows_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('why it died'); raise SystemExit(3)"]
    server = Server(command, tmp_path / "log")

    with pytest.raises(RuntimeError, match=r"(?s)ended with 3; its log ends:.*why it died"):
        server.wait_until(lambda: False, 10)


def test_a_server_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    server = Server([sys.executable, "-c", "import signal; signal.pause()"], tmp_path / "log")
    try:
        with pytest.raises(TimeoutError, match="is not ready after 0 s"):
            server.wait_until(lambda: False, 0)
    finally:
        server.stop(signal.SIGKILL)
