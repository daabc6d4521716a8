"""A server of a test behind the real API server: an APIService and the Service that it names.

The Service is an ExternalName to localhost, since the loopback may be no endpoint; the port is the
APIService's. The server shows the certificate of `ControlPlane.aggregated`.
"""

from __future__ import annotations

import base64

from tests.certificates import AGGREGATED
from tests.contract.http import Answer, Api, Json

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
CORE = "/api/v1/namespaces"


async def aggregate(api: Api, group: str, version: str, port: int, authority: bytes) -> None:
    """Have *group*/*version* served by 127.0.0.1:*port*; returns when it is available.

    Args:
        authority: PEM of who signed the server's certificate.
    """
    name = group.replace(".", "-")
    _made(await api.post(CORE, {"metadata": {"name": AGGREGATED}}))
    service = {
        "metadata": {"name": name},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }
    _made(await api.post(f"{CORE}/{AGGREGATED}/services", service))
    offer = {
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"name": name, "namespace": AGGREGATED, "port": port},
            "caBundle": base64.b64encode(authority).decode(),
        },
    }
    path = f"{SERVICES}/{version}.{group}"
    await api.delete(path)  # of a server that is gone
    (await api.post(SERVICES, offer)).ok()
    await api.eventually(path, _available)


def _available(offer: Json) -> bool:
    found = (offer.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Available" and each["status"] == "True" for each in found)


def _made(answer: Answer) -> None:
    """Fine when another test on this control plane was first."""
    if answer.status != 409:
        answer.ok()
