"""What a ScaledObject says about its HPA, and whether it wants one at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventscaler.core.hpa import SELECTOR, Wish
from eventscaler.decode.node import Node

MODE = "tandem.sh/hpa"
ADOPT = "scaledobject.keda.sh/transfer-hpa-ownership"
EXCLUDED = "scaledobject.keda.sh/hpa-excluded-labels"
YES, NO = "true", "false"


def wish(meta: Node, config: Node, *, default: bool) -> Wish | None:
    """The HPA that is wanted; None in Tandem's own mode.

    Args:
        meta: the object's metadata.
        config: `advanced.horizontalPodAutoscalerConfig`; its behavior is checked by whoever reads
            it as Tandem's own.
        default: whether an object without the annotation has an HPA.
    """
    notes = meta.texts("annotations")
    if not _wanted(meta, notes, default=default):
        return None
    written: Any = config.raw("behavior")
    return Wish(
        name=config.text("name"),
        behavior=written if isinstance(written, Mapping) else None,
        labels=meta.texts("labels") | {SELECTOR: meta.text("name")},
        annotations=notes,
        excluded=frozenset(each.strip() for each in notes.get(EXCLUDED, "").split(",")),
        adopt=notes.get(ADOPT) == YES,
    )


def _wanted(meta: Node, notes: Mapping[str, str], *, default: bool) -> bool:
    found = notes.get(MODE)
    if found not in (None, YES, NO):
        meta.fault(f"annotations[{MODE}]", found, f'"{YES}" or "{NO}"')
    return default if found is None else found == YES
