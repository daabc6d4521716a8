"""What can be bought: our own catalogue, a file in the format of Karpenter's kwok provider, AWS."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from kube.values.times import Now
from nodescaler.clouds.base import CloudError
from nodescaler.clouds.catalogue import builtin
from nodescaler.clouds.catalogue_file import CatalogueFault, read_catalogue
from nodescaler.core.labels import OS
from nodescaler.core.model import InstanceType
from nodescaler.core.resources import CPU, MEMORY, PODS
from tandem.errors import BadInput
from tandem.files import InputFault, Where

BUILT_IN, AWS = "built-in", "aws"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What can be bought, what is wrong with it, what a reader should know of it."""

    types: tuple[InstanceType, ...]
    faults: tuple[InputFault, ...] = ()
    notes: tuple[str, ...] = ()


def read(named: str, *, now: Now) -> Catalogue:
    """The catalogue called *named*.

    Args:
        named: "built-in" or nothing, "aws" (asks AWS, which takes some seconds), or a file.
        now: spot prices of AWS are those of this moment.

    Raises:
        BadInput: AWS does not answer, or not to us.
    """
    if named in {"", BUILT_IN}:
        return Catalogue(builtin())
    if named == AWS:
        return asyncio.run(_from_aws(now))
    where = Where(named)
    try:
        types = read_catalogue(Path(named))
    except CatalogueFault as fault:
        hint = "" if Path(named).exists() else f"; would do: a file, {BUILT_IN} or {AWS}"
        return Catalogue((), (InputFault(where, f"{fault}{hint}"),))
    faults = tuple(InputFault(where, text) for text in _faults(types))
    return Catalogue(() if faults else types, faults)


async def _from_aws(now: Now) -> Catalogue:
    from nodescaler.clouds.aws_catalogue import live_catalogue  # noqa: PLC0415 - boto3 is slow to load

    try:
        found = await live_catalogue(now=now())
    except CloudError as error:
        raise BadInput(f"--catalog {AWS}: {error}") from error
    notes = tuple(f"AWS, {found.region}: {note}" for note in found.notes)
    return Catalogue(found.types, notes=notes)


def _faults(types: Sequence[InstanceType]) -> Iterator[str]:
    """What is readable but cannot be."""
    counts = Counter((each.name, each.labels.get(OS, "")) for each in types)
    for (name, system), number in sorted(counts.items()):
        if number > 1:
            yield f"{name} is there {number} times for {system}; would do: one of them"
    for each in types:
        for resource in (CPU, MEMORY, PODS):
            if each.capacity.get(resource, 0) <= 0:
                found = each.capacity.get(resource, "nothing")
                yield f"{each.name}: resources.{resource}: found '{found}'; would do: above zero"
        for offer in each.offerings:
            if not isfinite(offer.usd_per_hour) or offer.usd_per_hour < 0:
                place = f"{each.name}: offering in {offer.zone}, {offer.capacity_type}"
                yield f"{place}: Price: found '{offer.usd_per_hour:g}'; would do: zero or more"
