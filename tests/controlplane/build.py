"""Builds etcd, kube-apiserver, its controller manager and scheduler, kubectl and Helm, from modules.

`python -m tests.controlplane.build` leaves the programs in a cached folder, one per pinned release,
that serves as KUBEBUILDER_ASSETS, and prints that folder. A second run finds them and does nothing;
one that lacks some builds those only; runs at the same time wait for each other; a run that dies
leaves no half-written program.

The releases are those that go.mod and helm/go.mod name; nothing else in the tree repeats them. Helm
bears its version in its file's name, so that another one is another file. Needs `go` and a module
proxy (or a filled module cache), and two cores for some minutes the first time.

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
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
HELM_MODULE = MODULE / "helm"
KUBERNETES, ETCD = "k8s.io/kubernetes", "go.etcd.io/etcd/server/v3"
HELM = "helm.sh/helm/v4"
CONTROL_PLANE = {
    "etcd": ETCD,
    "kubectl": f"{KUBERNETES}/cmd/kubectl",
    "kube-apiserver": f"{KUBERNETES}/cmd/kube-apiserver",
    "kube-controller-manager": f"{KUBERNETES}/cmd/kube-controller-manager",
    "kube-scheduler": f"{KUBERNETES}/cmd/kube-scheduler",
}
# Where Kubernetes keeps the version that /version and `kubectl version` report.
VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


@dataclass(frozen=True, slots=True)
class Program:
    """What to build: a Go package, seen from the folder whose go.mod pins it."""

    package: str
    module: Path
    flags: str


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


def helm_flags(version: str) -> str:
    """The same for Helm.

    >>> helm_flags("v4.3.1")
    '-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1'
    """
    return f"-s -w -X {HELM}/internal/version.version={version}"


def release() -> str:
    return pinned(KUBERNETES, (MODULE / "go.mod").read_text())


def helm_release() -> str:
    return pinned(HELM, (HELM_MODULE / "go.mod").read_text())


def programs() -> dict[str, Program]:
    """What belongs into the folder, by file name."""
    flags, helm = version_flags(release()), helm_release()
    plane = {name: Program(package, MODULE, flags) for name, package in CONTROL_PLANE.items()}
    return plane | {f"helm-{helm}": Program(f"{HELM}/cmd/helm", HELM_MODULE, helm_flags(helm))}


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the programs of the pinned release are, or will be."""
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tandem" / "controlplane" / release()


def helm(environ: Mapping[str, str] = os.environ) -> Path:
    """Where Helm is, or will be; KUBEBUILDER_ASSETS has no say, for it never holds one."""
    return folder(environ) / f"helm-{helm_release()}"


def lacking(assets: Path) -> dict[str, Program]:
    """The programs that are not in *assets* yet."""
    return {name: each for name, each in programs().items() if not (assets / name).is_file()}


def complete(assets: Path) -> bool:
    return not lacking(assets)


def build(assets: Path) -> None:
    """Fill *assets*, or leave it alone when it is filled."""
    if complete(assets):
        return
    assets.parent.mkdir(parents=True, exist_ok=True)
    with _locked(assets.with_name(f"{assets.name}.lock")):
        wanted = lacking(assets)
        scratch = Path(tempfile.mkdtemp(prefix=f"{assets.name}.", dir=assets.parent))
        try:
            _compile(wanted, scratch)
            assets.mkdir(exist_ok=True)
            for name in wanted:  # whole or not at all; what is there may be running
                (scratch / name).replace(assets / name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _compile(wanted: Mapping[str, Program], into: Path) -> None:
    if not wanted:
        return
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError(
            "no `go` on PATH; install Go 1.26 or newer (any 1.21 fetches the right one), or point "
            "KUBEBUILDER_ASSETS at a folder with " + ", ".join(CONTROL_PLANE)
        )
    environ = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    for name, program in wanted.items():
        _say(f"building {name}")
        flags = ["-mod=readonly", "-trimpath", "-ldflags", program.flags]
        command = [go, "build", *flags, "-o", str(into / name), program.package]
        subprocess.run(command, cwd=program.module, env=environ, check=True)


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
