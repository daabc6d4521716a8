"""The knobs of `tandem plan`, as they are written and as planning takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nodescaler.core.labels import hint
from nodescaler.core.model import InstanceType
from nodescaler.core.offers import FAMILY_LABELS
from nodescaler.core.settings import MinValuesPolicy, PackSettings, PreferencePolicy
from tandem import flags
from tandem.errors import BadInput

MOST_SHOWN = 8
_PLAIN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The options of the command line; lengths of time in seconds or as durations."""

    budget: str = "3"
    timeout: str | None = None
    node_cost: float = 0.0
    performance: Sequence[str] = ()
    preferences: PreferencePolicy = PreferencePolicy.RESPECT
    min_values: MinValuesPolicy = MinValuesPolicy.STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to plan.

    Attributes:
        timeout_s: how long planning may take; None for as long as it takes.
    """

    settings: PackSettings = field(default_factory=PackSettings)
    timeout_s: float | None = None


def read_options(given: Flags) -> Options:
    """The options as values.

    Raises:
        BadInput: one that cannot be meant.
    """
    settings = PackSettings(
        budget_s=_seconds("--budget", given.budget),
        preferences=given.preferences,
        min_values=given.min_values,
        usd_per_node=flags.usd("--node-cost", given.node_cost),
        performance=flags.factors("--performance", given.performance),
    )
    timeout = given.timeout
    timeout_s = None if timeout is None else _seconds("--timeout", timeout, zero=False)
    return Options(settings=settings, timeout_s=timeout_s)


def check_families(settings: PackSettings, types: Iterable[InstanceType]) -> None:
    """A factor for a family that is not for sale is a slip.

    Raises:
        BadInput: there is one.
    """
    known = {each.labels[key] for each in types for key in FAMILY_LABELS if key in each.labels}
    for family in settings.performance:
        if known and family not in known:
            some = ", ".join(sorted(known)[:MOST_SHOWN])
            more = ", ..." if len(known) > MOST_SHOWN else ""
            near = hint(family, known)
            raise BadInput(f"--performance: found {family!r}; would do: {some}{more}{near}")


def _seconds(flag: str, text: str, *, zero: bool = True) -> float:
    """Plain seconds, or a duration as the other commands take it.

    >>> _seconds("--budget", "3"), _seconds("--budget", "500ms")
    (3.0, 0.5)
    """
    is_plain = _PLAIN.fullmatch(text) is not None
    if is_plain and (zero or float(text) > 0):
        return float(text)
    return flags.seconds(flag, text, zero=zero)
