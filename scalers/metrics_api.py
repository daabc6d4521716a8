r"""Any HTTP endpoint with a number in it.

The place of the number is a path (`jobs.0.waiting`, `jobs.#`, `fav\.movie`) or, for Prometheus'
text format, a metric with its labels (`waiting{queue="mail"}`). Numbers may be written as
Kubernetes quantities ("100m").
Source: https://keda.sh/docs/latest/scalers/metrics-api/
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from prometheus_client.parser import text_string_to_metric_families

from kube.errors import KubeError
from kube.resources import ENDPOINT_SLICES
from kube.values import quantity
from scalers._http import LARGEST, Call, HttpAuth, accepted, answered, authorised
from scalers._paths import at, from_xml, problem
from scalers._pool import together
from scalers._texts import Seconds
from scalers._tls import Tls
from scalers.base import Param, Scaler, ScalerError
from scalers.io import IO

AT_ONCE = 5
SMALL = 4096  # parsed in less than a tenth of a second in any format
LARGEST_YAML = 256 * 1024  # some five seconds of parsing
LARGEST_TEXT = 16 * 1024 * 1024  # of Prometheus' format, of which no tree is made
SHARED = 256 * 1024  # larger ones are parsed one at a time, for what they become in memory


class Format(StrEnum):
    PROMETHEUS = "prometheus"
    JSON = "json"
    XML = "xml"
    YAML = "yaml"


class Aggregation(StrEnum):
    AVERAGE = "average"
    SUM = "sum"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsApi(HttpAuth):
    url: Annotated[str, Param("url", doc="the endpoint")]
    location: Annotated[str, Param("valueLocation", doc="where in the answer the number is")]
    target: Annotated[float, Param("targetValue", doc="value per replica", above=0, is_target=True)]
    activation: Annotated[
        float, Param("activationTargetValue", doc="value above which to leave zero")
    ] = 0
    format: Annotated[Format, Param("format", doc="of the answer")] = Format.JSON
    unsafe: Annotated[bool, Param("unsafeSsl", doc="do not check the certificate")] = False
    every_endpoint: Annotated[
        bool,
        Param(
            "aggregateFromKubeServiceEndpoints",
            doc="ask every ready endpoint of the Service in the url",
        ),
    ] = False
    aggregation: Annotated[
        Aggregation, Param("aggregationType", doc="how the endpoints combine")
    ] = Aggregation.AVERAGE
    timeout: Annotated[Seconds | None, Param("timeout", doc="of one HTTP call", above=0)] = None

    def problems(self) -> Iterator[str]:
        if not self.url.startswith(("http://", "https://")):
            yield "'url' must begin with http:// or https://"
        if self.every_endpoint and not service_of(self.url):
            yield "'url' must name a Service as svc.namespace for aggregateFromKubeServiceEndpoints"
        if self.format is not Format.PROMETHEUS and problem(self.location):
            yield f"'valueLocation' {problem(self.location)}, got {self.location}"
        yield from self.auth_problems()


async def read(meta: MetricsApi, io: IO) -> float:
    if not meta.every_endpoint:
        return await _read_one(meta, meta.url, io)
    urls = await endpoints(meta.url, io)
    answers = await together(AT_ONCE, [partial(_tried, meta, url, io) for url in urls])
    values = [answer for answer in answers if isinstance(answer, float)]
    if not values:
        first = next((str(answer) for answer in answers), "there is no ready endpoint")
        raise ScalerError(f"no endpoint of {urlsplit(meta.url).hostname} answered: {first}")
    return aggregated(values, meta.aggregation)


async def _tried(meta: MetricsApi, url: str, io: IO) -> float | ScalerError:
    try:
        return await _read_one(meta, url, io)
    except ScalerError as error:
        return error


async def _read_one(meta: MetricsApi, url: str, io: IO) -> float:
    largest = LARGEST_TEXT if meta.format is Format.PROMETHEUS else LARGEST
    tls = Tls(meta.ca, unsafe=meta.unsafe)
    call = Call(url, tls=tls, timeout_s=meta.timeout or 0.0, largest=largest)
    call = await authorised(call, meta, io)
    async with answered(call, io) as answer:
        text = accepted(call, answer)
        find = partial(located, text, meta.format, meta.location)
        if len(text) <= SMALL:
            return find()
        # It may take seconds to parse, YAML above all: not in the loop.
        if len(text) <= SHARED:
            return await asyncio.to_thread(find)
        async with io.remembered(_Turn, _Turn):
            return await asyncio.to_thread(find)


class _Turn(asyncio.Lock):
    """One large answer at a time."""


def located(text: str, form: Format, location: str) -> float:
    """The number at *location* in *text*.

    >>> located('{"jobs": [{"waiting": "1500m"}]}', Format.JSON, "jobs.0.waiting")
    1.5
    """
    if form is Format.PROMETHEUS:
        return _in_exposition(text, location)
    try:
        value = at(_DECODERS[form](text), location)
    except (ValueError, yaml.YAMLError):
        raise ScalerError(f"the answer is not {form.upper()}") from None
    except RecursionError:
        raise ScalerError("the answer is nested too deeply") from None
    return _number(value, location)


def aggregated(values: Sequence[float], how: Aggregation) -> float:
    """The endpoints' values as one.

    >>> aggregated([1, 2, 6], Aggregation.AVERAGE)
    3.0
    """
    match how:
        case Aggregation.AVERAGE:
            return sum(values) / len(values)
        case Aggregation.SUM:
            return sum(values)
        case Aggregation.MAX:
            return max(values)
        case Aggregation.MIN:
            return min(values)


def service_of(url: str) -> tuple[str, str] | None:
    """Name and namespace of the Service that *url* names.

    >>> service_of("http://web.shop.svc.cluster.local:8080/m"), service_of("http://web/")
    (('web', 'shop'), None)
    """
    parts = (urlsplit(url).hostname or "").split(".")
    return (parts[0], parts[1]) if len(parts) > 1 and all(parts[:2]) else None


def endpoint_urls(url: str, slices: Sequence[dict[str, Any]]) -> list[str]:
    """*url* with the host replaced by each ready address, sorted and once each."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    addresses = {
        address
        for found in slices
        for endpoint in found.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint.get("addresses", [])
    }
    hosts = sorted(f"[{a}]" if ":" in a else a for a in addresses)
    return [parts._replace(netloc=host + port).geturl() for host in hosts]


async def endpoints(url: str, io: IO) -> list[str]:
    """*url* at every ready endpoint of the Service that it names."""
    service, namespace = service_of(url) or ("", "")
    label = f"kubernetes.io/service-name={service}"
    try:
        slices = await io.kube.items(ENDPOINT_SLICES, namespace=namespace, labels=label)
    except KubeError as error:
        raise ScalerError(f"no EndpointSlices of {namespace}/{service}: {error}") from error
    return endpoint_urls(url, slices)


def _in_exposition(text: str, location: str) -> float:
    """The sample of one metric and its labels in Prometheus' text format.

    Only the lines that may be it are parsed: of all of them the parser would make lists.
    """
    wanted = next(_samples(f"{location} 0\n"))
    for line in re.finditer(
        rf"^[ \t]*(?:{re.escape(wanted[0])}[ \t{{]|\{{).*$", text, re.MULTILINE
    ):
        for sample in _samples(f"{line[0]}\n"):
            if sample[0] == wanted[0] and wanted[1].items() <= sample[1].items():
                return sample[2]
    raise ScalerError(f"the answer has no '{location}'")


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, float(sample.value)


def _number(value: Any, location: str) -> float:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        return quantity.parse(value).nano / quantity.NANO
    except OverflowError:
        raise ScalerError(f"'{location}' is a number too large to count with") from None
    except (TypeError, ValueError):
        raise ScalerError(f"'{location}' is no number in the answer") from None


class _Plain(yaml.SafeLoader):
    """Takes no aliases: by them a small text can become very large."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ScalerError("the answer has aliases, which are not read")
        return super().compose_node(parent, index)


def _from_yaml(text: str) -> Any:
    if len(text) > LARGEST_YAML:
        raise ScalerError(f"the answer has more than {LARGEST_YAML // 1024} KiB of YAML")
    return yaml.load(text, _Plain)  # noqa: S506  # a SafeLoader


_DECODERS: dict[Format, Callable[[str], Any]] = {
    Format.JSON: json.loads,
    Format.XML: from_xml,
    Format.YAML: _from_yaml,
}

SCALER = Scaler(
    "metrics-api",
    MetricsApi,
    read,
    target="target",
    activation="activation",
    metric=lambda meta: f"metric-api-{meta.location}",
)
