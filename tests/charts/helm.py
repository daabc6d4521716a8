"""Helm as a process, with folders of its own, against one cluster or none."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from kube.client import Json

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "tandem"
LONGEST_S = 60.0


class Refused(Exception):
    """The program said no; the message is what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A command line program of the cluster's."""

    program: Path
    environ: dict[str, str]

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """What it printed.

        Raises:
            Refused: it ended with another code than 0.
        """
        done = subprocess.run(
            [str(self.program), *args],
            input=stdin,
            env=self.environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        if done.returncode != 0:
            raise Refused(done.stderr)
        return done.stdout


def environ_of(folder: Path, kubeconfig: Path | None) -> dict[str, str]:
    """No state of the user's: neither his repositories nor his clusters."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HELM_CACHE_HOME": str(folder / "cache"),
        "HELM_CONFIG_HOME": str(folder / "config"),
        "HELM_DATA_HOME": str(folder / "data"),
        "KUBECONFIG": str(kubeconfig or folder / "none"),
    }


def objects(manifests: str) -> dict[str, Json]:
    """Rendered objects by kind and name, such as `Role/tandem-lease`."""
    found = [body for body in yaml.safe_load_all(manifests) if body]
    return {f"{body['kind']}/{body['metadata']['name']}": body for body in found}


def args_of(rendered: dict[str, Json], release: str) -> list[str]:
    container = rendered[f"Deployment/{release}"]["spec"]["template"]["spec"]["containers"][0]
    args: list[str] = container["args"]
    return args
