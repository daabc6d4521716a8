"""Which build this is, under KEDA's name and labels."""

from __future__ import annotations

import platform

from prometheus_client import CollectorRegistry, Gauge

LABELS = ("version", "git_commit", "goversion", "goos", "goarch")
GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


def build_info(registry: CollectorRegistry, version: str, commit: str = "") -> None:
    """Show `keda_build_info`; its Go version is the Python version, as the label exists.

    >>> registry = CollectorRegistry()
    >>> build_info(registry, "1.2.3")
    >>> [sample.labels["version"] for family in registry.collect() for sample in family.samples]
    ['1.2.3']
    """
    machine = platform.machine()
    gauge = Gauge("keda_build_info", "The version that runs.", LABELS, registry=registry)
    gauge.labels(
        version,
        commit,
        f"python{platform.python_version()}",
        platform.system().lower(),
        GO_NAMES.get(machine, machine),
    ).set(1)
