"""The label `scaledobject.keda.sh/name` on a ScaledObject, with its own name, as KEDA puts it.

HPAs select metrics by it and carry it too, so that `kubectl get so,hpa -l` finds both.
"""

from __future__ import annotations

import structlog

from eventscaler.core.hpa import SELECTOR
from kube.client import Client, Json
from kube.errors import KubeError, NotFound, NotLeading
from kube.resources import SCALED_OBJECTS

log = structlog.get_logger()


def is_labelled(body: Json) -> bool:
    """Whether *body* carries the label."""
    meta = body["metadata"]
    labels = meta.get("labels")
    return isinstance(labels, dict) and labels.get(SELECTOR) == meta["name"]


async def label(client: Client, namespace: str, name: str) -> None:
    """Put the label on; nothing depends on it, so a refusal is only logged.

    Raises:
        NotLeading: this process may not write any more.
    """
    patch = {"metadata": {"labels": {SELECTOR: name}}}
    try:
        await client.patch(SCALED_OBJECTS, name, patch, namespace=namespace)
    except NotLeading:
        raise
    except NotFound:
        log.info("gone before it was labelled", object=f"{namespace}/{name}")
    except KubeError as error:
        log.warning("not labelled", object=f"{namespace}/{name}", why=str(error))
