"""Instance types from a file in the JSON format of Karpenter's kwok provider (``--catalog FILE``).

A list of types, each with name, architecture, operatingSystems, resources (capacity before a fixed
overhead) and offerings with Price, Available and Requirements on zone and capacity type. A type for
several operating systems becomes one type for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from nodescaler.core.labels import ARCH, CAPACITY_TYPE, OS, REGION, ZONE
from nodescaler.core.model import InstanceType, Offering
from nodescaler.core.resources import CPU, MEMORY
from nodescaler.decode.amounts import Written, amounts

OVERHEAD = {CPU: 100, MEMORY: 10 * 2**20}
_AWS_NAME = re.compile(
    r"(?P<family>(?P<category>[a-z]+)(?P<generation>[0-9]+)[a-z0-9-]*)\.(?P<size>.+)"
)
_KWOK_NAME = re.compile(r"(?P<family>[a-z]+)-(?P<size>[0-9]+x)-.*")
_REGION = re.compile(r"(?P<region>[a-z]+-[a-z]+-[0-9]+)[a-z]")


class CatalogueFault(ValueError):
    """The file is no catalogue; the message says why, and whoever named the file says which."""


class _Requirement(msgspec.Struct, frozen=True):
    key: str
    values: tuple[str, ...]


class _Offering(msgspec.Struct, frozen=True, rename="pascal"):
    price: float
    requirements: tuple[_Requirement, ...]
    available: bool = True


class _Type(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    architecture: str
    operating_systems: tuple[str, ...]
    resources: dict[str, Written]
    offerings: tuple[_Offering, ...]


def read_catalogue(path: Path) -> tuple[InstanceType, ...]:
    """All types of the file, by name.

    Raises:
        CatalogueFault: no such file, no JSON, or not this format.
    """
    try:
        types = msgspec.json.decode(path.read_bytes(), type=tuple[_Type, ...])
        read = [found for each in types for found in _instance_types(each)]
    except OSError as error:
        raise CatalogueFault((error.strerror or str(error)).lower()) from error
    except ValueError as error:
        raise CatalogueFault(f"not a catalogue of instance types: {error}") from error
    if not read:
        raise CatalogueFault("holds no instance types")
    return tuple(sorted(read, key=lambda each: (each.name, each.labels[OS])))


def _instance_types(each: _Type) -> Iterator[InstanceType]:
    capacity = amounts(each.resources)
    offerings = tuple(_offering(offering, each.name) for offering in each.offerings)
    for system in each.operating_systems:
        yield InstanceType(
            name=each.name,
            labels=_labels(each, system, offerings),
            capacity=capacity,
            overhead=OVERHEAD,
            offerings=offerings,
        )


def _offering(offering: _Offering, name: str) -> Offering:
    labels = {line.key: line.values[0] for line in offering.requirements if line.values}
    for key in (ZONE, CAPACITY_TYPE):
        if key not in labels:
            raise ValueError(f"an offering of {name} has no requirement on {key}")
    return Offering(labels[ZONE], labels[CAPACITY_TYPE], offering.price, offering.available)


def _labels(each: _Type, system: str, offerings: tuple[Offering, ...]) -> dict[str, str]:
    """What the name and the resources say; names of AWS and of kwok have a known form."""
    labels = {
        ARCH: each.architecture,
        OS: system,
        "karpenter.kwok.sh/instance-cpu": str(each.resources.get(CPU, "")),
        "karpenter.kwok.sh/instance-memory": str(each.resources.get(MEMORY, "")),
    }
    region = _REGION.fullmatch(offerings[0].zone) if offerings else None
    if region is not None:
        labels[REGION] = region["region"]
    for pattern, prefix in (
        (_AWS_NAME, "karpenter.k8s.aws/instance-"),
        (_KWOK_NAME, "karpenter.kwok.sh/instance-"),
    ):
        match = pattern.fullmatch(each.name)
        if match is not None:
            labels |= {f"{prefix}{part}": text for part, text in match.groupdict().items()}
    return labels
