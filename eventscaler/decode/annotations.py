"""The annotations that steer one object.

A pause annotation counts unless its value reads as false, as in KEDA. Of the pauses the count
(paused-replicas) beats the plain one, and both beat those of one direction.

Source: https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eventscaler.core.model import Mode, Pause
from eventscaler.decode.node import Node, did_you_mean

PAUSED = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
PAUSED_SCALE_IN = "autoscaling.keda.sh/paused-scale-in"
PAUSED_SCALE_OUT = "autoscaling.keda.sh/paused-scale-out"
FORCE_ACTIVATION = "autoscaling.keda.sh/force-activation"
MODE = "tandem.sh/mode"
ZERO = "tandem.sh/zero"

JUMP, STEPS = "jump", "steps"
NO = frozenset({"false", "False", "FALSE", "f", "F", "0"})
LARGEST = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """What the annotations of an object say."""

    pause: Pause | None = None
    keep_in: bool = False
    keep_out: bool = False
    force: bool = False
    jump: bool = False
    mode: Mode = Mode.AUTO


def steering(meta: Node) -> Steering:
    notes = meta.texts("annotations")
    return Steering(
        pause=_pause(meta, notes),
        keep_in=says(notes, PAUSED_SCALE_IN),
        keep_out=says(notes, PAUSED_SCALE_OUT),
        force=says(notes, FORCE_ACTIVATION),
        jump=one_of(meta, notes, ZERO, STEPS, (STEPS, JUMP)) == JUMP,
        mode=Mode(one_of(meta, notes, MODE, Mode.AUTO, tuple(Mode))),
    )


def says(notes: Mapping[str, str], key: str) -> bool:
    """Whether the annotation *key* is there and not false."""
    return key in notes and notes[key] not in NO


def _pause(meta: Node, notes: Mapping[str, str]) -> Pause | None:
    if PAUSED_REPLICAS in notes:
        text = notes[PAUSED_REPLICAS]
        if text.isascii() and text.isdecimal() and len(text) < len(str(LARGEST)):
            return Pause(int(text))
        meta.fault(f"annotations[{PAUSED_REPLICAS}]", text, "a whole number of at least 0")
    return Pause() if says(notes, PAUSED) else None


def one_of(
    meta: Node, notes: Mapping[str, str], key: str, default: str, known: tuple[str, ...]
) -> str:
    """The annotation's value, which is one of *known*; *default* without one."""
    found = notes.get(key, default)
    if found in known:
        return found
    meta.fault(f"annotations[{key}]", found, did_you_mean(found, known, " or ".join(known)))
    return default
