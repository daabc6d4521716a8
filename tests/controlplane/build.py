"""Builds etcd, kube-apiserver, its controller manager and scheduler, and kubectl, from modules.

`python -m tests.controlplane.build` leaves the five programs in a cached folder, one per pinned
release, that serves as KUBEBUILDER_ASSETS, and prints that folder. A second run finds them and does
nothing; runs at the same time wait for each other; a run that dies leaves no half-filled folder.

The release is the one that go.mod names; nothing else in the tree repeats it. Needs `go` and a
module proxy (or a filled module cache), and two cores for some minutes the first time.

Source: https://book.kubebuilder.io/reference/envtest (what KUBEBUILDER_ASSETS must hold)
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MODULE = Path(__file__).parent
KUBERNETES, ETCD = "k8s.io/kubernetes", "go.etcd.io/etcd/server/v3"
PROGRAMS = {
    "etcd": ETCD,
    "kubectl": f"{KUBERNETES}/cmd/kubectl",
    "kube-apiserver": f"{KUBERNETES}/cmd/kube-apiserver",
    "kube-controller-manager": f"{KUBERNETES}/cmd/kube-controller-manager",
    "kube-scheduler": f"{KUBERNETES}/cmd/kube-scheduler",
}
# Where Kubernetes keeps the version that /version and `kubectl version` report.
VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def pinned(module: str, go_mod: str) -> str:
    """The version that *go_mod* requires of *module*.

    >>> pinned("k8s.io/kubernetes", "require (\\n\\tk8s.io/kubernetes v1.37.2\\n)")
    'v1.37.2'
    """
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod requires no {module}")
    return found[1]


def version_flags(version: str) -> str:
    """What the linker must set so that the programs know their release.

    >>> version_flags("v1.37.2").split()[:4]
    ['-s', '-w', '-X', 'k8s.io/component-base/version.gitVersion=v1.37.2']
    """
    major, minor = version.removeprefix("v").split(".")[:2]
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    sets = [f"-X {p}.{k}={v}" for p in VERSION_PACKAGES for k, v in values.items()]
    return " ".join(["-s", "-w", *sets])


def release() -> str:
    return pinned(KUBERNETES, (MODULE / "go.mod").read_text())


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the programs of the pinned release are, or will be."""
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tandem" / "controlplane" / release()


def complete(assets: Path) -> bool:
    return all((assets / program).is_file() for program in PROGRAMS)


def build(assets: Path) -> None:
    """Fill *assets*, or leave it alone when it is filled."""
    if complete(assets):
        return
    assets.parent.mkdir(parents=True, exist_ok=True)
    with _locked(assets.with_name(f"{assets.name}.lock")):
        if complete(assets):
            return
        scratch = Path(tempfile.mkdtemp(prefix=f"{assets.name}.", dir=assets.parent))
        try:
            _compile(scratch)
            shutil.rmtree(assets, ignore_errors=True)
            scratch.chmod(0o755)
            scratch.rename(assets)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _compile(into: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError(
            "no `go` on PATH; install Go 1.26 or newer (any 1.21 fetches the right one), or point "
            "KUBEBUILDER_ASSETS at a folder with " + ", ".join(PROGRAMS)
        )
    environ = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    flags = ["-mod=readonly", "-trimpath", "-ldflags", version_flags(release())]
    for program, package in PROGRAMS.items():
        _say(f"building {program}")
        command = [go, "build", *flags, "-o", str(into / program), package]
        subprocess.run(command, cwd=MODULE, env=environ, check=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold *path* exclusively; the kernel lets go of it when the process dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"another build is running; waiting for {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a command's progress


def main() -> int:
    assets = folder()
    _say(
        f"Kubernetes {release()}: {'already in' if complete(assets) else 'building into'} {assets}"
    )
    try:
        build(assets)
    except FileNotFoundError as missing:
        _say(str(missing))
        return 2
    except subprocess.CalledProcessError as failed:
        _say(f"`go build` ended with {failed.returncode}; its messages are above")
        return 1
    print(assets)  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
