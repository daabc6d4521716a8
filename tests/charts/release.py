"""A release of the chart, whose operator runs here as its account.

What was asked and what was refused comes from the API server's audit log, not from the operator.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kube.resources import (
    VALIDATING_WEBHOOK_CONFIGURATIONS,
    Resource,
)
from tests.charts.helm import CHART, Tool, args_of, environ_of, objects
from tests.clusters import Cluster
from tests.control_plane import AUDIT_LOG, kubeconfig
from tests.e2e.operator import OperatorProcess, operator_of
from tests.processes import free_ports

ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
CLUSTER_ROLES = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False
)
ROLE_BINDINGS = replace(ROLES, plural="rolebindings", kind="RoleBinding")
DECISION = "authorization.k8s.io/decision"
Permission = tuple[str, str, str]  # group, resource with its subresource, verb


def asked_by(user: str, log: Path) -> list[tuple[Permission, bool]]:
    """What *user* asked for, and whether that was permitted.

    By the server's decision: a 403 is also what a namespace answers that is being deleted.
    """
    found = []
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        about = entry.get("objectRef")
        if entry["user"]["username"] == user and about is not None:
            inner = f"/{about['subresource']}" if about.get("subresource") else ""
            resource = about.get("resource", "") + inner
            permission = (about.get("apiGroup", ""), resource, entry["verb"])
            found.append((permission, entry["annotations"][DECISION] == "allow"))
    return found


async def as_account(cluster: Cluster, folder: Path, namespace: str, name: str) -> Cluster:
    """The same cluster, as the chart's ServiceAccount."""
    client = cluster.client()
    try:
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = await client.create(
            ACCOUNTS, request, namespace=namespace, name=name, subresource="token"
        )
    finally:
        await client.close()
    token = answer["status"]["token"]
    config = folder / "account"
    config.write_text(kubeconfig(cluster.url, token=token, authority=cluster.authority))
    return replace(cluster, kubeconfig=config, token=token)


class Installed:
    """A release of the chart without pods of its own; its operator runs here, as its account."""

    def __init__(self, helm: Tool, cluster: Cluster, release: str) -> None:
        self.helm, self.cluster, self.release = helm, cluster, release
        (self.webhook_port,) = free_ports(1)

    async def lead_here(self) -> None:
        """Have the webhook configuration lead to this machine: no Service does, without pods."""
        client = self.cluster.client()
        try:
            found = await client.get(VALIDATING_WEBHOOK_CONFIGURATIONS, self.release)
            for webhook in found["webhooks"]:
                path = webhook["clientConfig"]["service"]["path"]
                url = f"https://127.0.0.1:{self.webhook_port}{path}"
                webhook["clientConfig"] = {"url": url}
            await client.replace(VALIDATING_WEBHOOK_CONFIGURATIONS, found)
        finally:
            await client.close()

    async def operator(self, folder: Path) -> AbstractAsyncContextManager[OperatorProcess]:
        """With the arguments of the chart's Deployment."""
        manifests = await asyncio.to_thread(
            self.helm, "get", "manifest", self.release, f"--namespace={self.release}"
        )
        account = await as_account(self.cluster, folder, self.release, self.release)
        _, *args = args_of(objects(manifests), self.release)
        flags = [each for each in args if not each.startswith(("--listen", "--log", "--webhook="))]
        flags.append(f"--webhook=127.0.0.1:{self.webhook_port}")
        return operator_of(account, folder, *flags, "--node-startup=2s")

    def asked(self) -> list[tuple[Permission, bool]]:
        user = f"system:serviceaccount:{self.release}:{self.release}"
        return asked_by(user, self.cluster.kubeconfig.parent / AUDIT_LOG)


@asynccontextmanager
async def installed(
    program: Path, cluster: Cluster, folder: Path, release: str, *flags: str
) -> AsyncIterator[Installed]:
    helm = Tool(program, environ_of(folder, cluster.kubeconfig))
    namespace = f"--namespace={release}"
    where = (release, str(CHART), namespace, "--create-namespace", "--set=replicas=0")
    await asyncio.to_thread(helm, "install", *where, *flags)
    try:
        found = Installed(helm, cluster, release)
        await found.lead_here()
        yield found
    finally:
        await asyncio.to_thread(helm, "uninstall", release, namespace)
