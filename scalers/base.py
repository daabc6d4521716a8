"""What a scaler is, and the two things done with one: `parse` a trigger and `read` it.

A scaler is one file of this package, named as its trigger type with `_` for `-`: a frozen dataclass
of declared keys (`Param`), one `read` coroutine and one line ``SCALER = Scaler(...)``. There is no
registry to edit. Files whose name begins with `_` are shared families; `base`, `io` and `docs` are
no scalers either.

Blind is not zero: an odd, negative, NaN or missing answer is a `ScalerError`, never a number.
"""

from __future__ import annotations

import asyncio
import importlib
import math
import pkgutil
import re
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from kube.scale import Target
from scalers._errors import (
    Fault,
    ScalerError,
    Secret,
    Severity,
    TriggerFaults,
    UnknownTrigger,
    scrubbed,
)
from scalers._grants import Grant
from scalers._params import LONGEST_SHOWN, Around, Param, read_all, takes
from scalers._sample import Sample
from scalers._texts import Pairs, Seconds
from scalers.io import IO

__all__ = [
    "Around",
    "Fault",
    "Pairs",
    "Param",
    "PodIdentity",
    "Sample",
    "Scaler",
    "ScalerError",
    "Seconds",
    "Secret",
    "Severity",
    "Trigger",
    "TriggerFaults",
    "TriggerSpec",
    "UnknownTrigger",
    "load",
    "parse",
    "read",
    "types",
]

M = TypeVar("M")
NOT_SCALERS = frozenset({"base", "io", "docs"})
METRIC_TYPES = ("AverageValue", "Value")
_ODD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What a scaler stumbles over in an answer: missing parts, numbers too large, nesting too deep."""
_TO_DASH = re.compile(r"[/.:%()]")


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """`podIdentity` of a TriggerAuthentication.

    Args:
        provider: azure-workload, gcp or aws.
        role_arn: AWS role to take.
        owner: "workload": the role that the workload's ServiceAccount is annotated with.
        identity_id: Azure client id, or the Google service account to act as; "" for the own one.
        tenant_id: Azure tenant.
        authority_host: Azure's login endpoint.
        web_token: of the workload's ServiceAccount, to take its role with.
    """

    provider: str
    role_arn: str = ""
    external_id: str = ""
    owner: str = ""
    identity_id: str = ""
    tenant_id: str = ""
    authority_host: str = ""
    web_token: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSpec:
    """A trigger as written, with the values that its references were resolved to.

    Args:
        grant: how to get a token, where `oauth2` of a TriggerAuthentication gives one.
        as_metric_source: the value feeds a formula; a target of its own is not needed.
        strict: a key that the trigger does not read is an error, not a warning.
        target: the workload that is scaled; None where there is none, as for a ScaledJob.
    """

    type: str
    name: str = ""
    index: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    metric_type: str = "AverageValue"
    auth: Mapping[str, Secret] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    namespace: str = "default"
    object_name: str = ""
    use_cached_metrics: bool = False
    pod_identity: PodIdentity | None = None
    grant: Grant | None = None
    as_metric_source: bool = False
    strict: bool = False
    target: Target | None = None

    @property
    def path(self) -> str:
        return f"spec.triggers[{self.index}]"


@dataclass(frozen=True, slots=True)
class Scaler(Generic[M]):
    """One trigger type.

    Args:
        trigger: the type's name, equal to the file's with `-` for `_`.
        meta: dataclass of the keys; may have `problems() -> Iterable[str]` for what no single key
            shows.
        read: reads once; returns a number, or a `Sample` where the common activation rule is not
            enough.
        target: attribute of `meta` with the value per replica, or a fixed number.
        activation: attribute of `meta` with the threshold, or a fixed number.
        metric: the metric's name, without the `s0-` in front.
        thresholds_matter: what is read depends on target or activation, so that triggers which
            differ only in them are different sources.
        cacheable: may be used with useCachedMetrics.
        pod_identities: providers of a TriggerAuthentication's podIdentity that work here.
        metric_types: what a trigger's metricType may be.
    """

    trigger: str
    meta: type[M]
    read: Callable[[M, IO], Awaitable[Sample | float]]
    target: str | float
    activation: str | float = 0.0
    metric: Callable[[M], str] | None = None
    thresholds_matter: bool = False
    cacheable: bool = True
    pod_identities: tuple[str, ...] = ()
    metric_types: tuple[str, ...] = METRIC_TYPES


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that can be read.

    Args:
        target: value per replica; 0 where only a formula uses the value.
        source: endpoint, credentials and query: triggers with equal sources are read once.
        warnings: what is odd about the trigger but does not keep it from working.
    """

    scaler: Scaler[Any]
    meta: Any
    name: str
    metric_name: str
    metric_type: str
    target: float
    activation: float
    source: Hashable
    warnings: tuple[Fault, ...] = ()

    def is_active(self, sample: Sample) -> bool:
        """Whether *sample* asks for at least one replica."""
        if sample.active is not None:
            return sample.active
        value = sample.value if sample.activation_value is None else sample.activation_value
        return value > self.activation


@lru_cache(maxsize=1)
def types() -> tuple[str, ...]:
    """Every trigger type there is, sorted."""
    names = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])}
    return tuple(sorted(n.replace("_", "-") for n in names - NOT_SCALERS if not n.startswith("_")))


def load(trigger_type: str) -> Scaler[Any]:
    """The scaler of this type.

    Raises:
        UnknownTrigger: there is none; the message names the nearest type.
    """
    if trigger_type not in types():
        near = get_close_matches(trigger_type, types(), n=1, cutoff=0.6)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(types())}"
        raise UnknownTrigger(f"'{trigger_type[:LONGEST_SHOWN]}' is not a trigger type; {hint}")
    scaler: Scaler[Any] = _MODULES[trigger_type].SCALER
    return scaler


def parse(spec: TriggerSpec) -> Trigger:
    """Check a trigger as written and make it readable.

    Raises:
        TriggerFaults: everything that is wrong with it, at once.
    """
    try:
        scaler = load(spec.type)
    except UnknownTrigger as unknown:
        raise TriggerFaults(spec.type, [Fault(f"{spec.path}.type", str(unknown))]) from None
    meta, faults = read_all(scaler.meta, spec)
    faults = [*_misuses(scaler, spec), *faults]
    if meta is None or any(fault.severity is Severity.ERROR for fault in faults):
        raise TriggerFaults(spec.type, faults)
    return Trigger(
        scaler=scaler,
        meta=meta,
        name=spec.name or spec.type,
        metric_name=metric_name(scaler, meta, spec.index),
        metric_type=spec.metric_type,
        target=_number(scaler.target, meta),
        activation=_number(scaler.activation, meta),
        source=_source(scaler, meta),
        warnings=tuple(faults),
    )


def metric_name(scaler: Scaler[M], meta: M, index: int) -> str:
    """The name of the external metric, as the original makes it: ``s0-kafka-orders``."""
    name = scaler.metric(meta) if scaler.metric else scaler.trigger
    return f"s{index}-{_TO_DASH.sub('-', name)}"


async def read(trigger: Trigger, io: IO) -> Sample:
    """Read *trigger* once.

    Raises:
        ScalerError: no answer, or none that can be trusted; the message holds no secret.
    """
    try:
        async with asyncio.timeout(io.settings.read_timeout_s):
            answer = await trigger.scaler.read(trigger.meta, io)
        return checked(answer)
    except TimeoutError:
        problem = f"no answer within {io.settings.read_timeout_s:g} s"
    except ScalerError as error:
        problem = str(error)
    except _ODD as error:
        problem = f"an answer of an odd shape ({type(error).__name__}: {error})"
    raise ScalerError(f"{trigger.name}: {scrubbed(problem, secrets_of(trigger.meta))}")


def checked(answer: Sample | float) -> Sample:
    """*answer* as a sample, when every number in it is finite and not negative.

    Raises:
        ScalerError: it is not.
    """
    sample = answer if isinstance(answer, Sample) else Sample(float(answer))
    for value in (sample.value, sample.activation_value):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ScalerError(f"answered {value:g}, which is no amount to scale by")
    return sample


def secrets_of(meta: Any) -> list[Secret]:
    """Every secret anywhere in *meta*."""
    if isinstance(meta, Secret):
        return [meta]
    if isinstance(meta, tuple):
        return [secret for item in meta for secret in secrets_of(item)]
    if is_dataclass(meta):
        return [secret for f in fields(meta) for secret in secrets_of(getattr(meta, f.name))]
    return []


def _misuses(scaler: Scaler[Any], spec: TriggerSpec) -> list[Fault]:
    """What is wrong around the metadata: metric type, caching, identity."""
    faults = []
    if spec.metric_type not in scaler.metric_types:
        known = ", ".join(f"'{each}'" for each in scaler.metric_types)
        text = f"'metricType' must be one of {known}, got {spec.metric_type}"
        faults.append(Fault(f"{spec.path}.metricType", text))
    if spec.use_cached_metrics and not scaler.cacheable:
        text = f"'useCachedMetrics' has no meaning for {spec.type}; leave it out"
        faults.append(Fault(f"{spec.path}.useCachedMetrics", text))
    identity = spec.pod_identity
    if identity and identity.provider not in ("", "none", *scaler.pod_identities):
        text = f"'podIdentity' provider '{identity.provider}' is not supported for {spec.type}"
        faults.append(Fault(f"{spec.path}.authenticationRef", text))
    if spec.grant is not None and not takes(scaler.meta, "grant"):
        text = f"'oauth2' gives a token, which {spec.type} does not take"
        faults.append(Fault(f"{spec.path}.authenticationRef", text, Severity.WARNING))
    return faults


def _number(named: str | float, meta: object) -> float:
    return float(getattr(meta, named) if isinstance(named, str) else named)


def _source(scaler: Scaler[Any], meta: Any) -> Hashable:
    if scaler.thresholds_matter:
        return scaler.trigger, meta
    declared = {f.name for f in fields(meta)}
    thresholds = [n for n in (scaler.target, scaler.activation) if isinstance(n, str)]
    return scaler.trigger, replace(meta, **{n: None for n in thresholds if n in declared})


# Imported here and not when a type is first used: an import reads files, and triggers are parsed on
# the event loop. Last in this file, because scalers import it.
_MODULES = {name: importlib.import_module(f"scalers.{name.replace('-', '_')}") for name in types()}
