"""Prometheus: the one number that an instant query gives.

Differs from the original: a NaN or infinite value is an error also with `ignoreNullValues`, which
speaks of missing values; blind is not zero.
Source: https://keda.sh/docs/latest/scalers/prometheus/ and
https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from scalers._http import Call, HttpAuth, authorised, get_json
from scalers._texts import Pairs, Seconds
from scalers._tls import Tls
from scalers.base import Param, Scaler, ScalerError
from scalers.io import IO

NO_PAIRS = Pairs(())
NO_SIGV4 = "asks for AWS request signing, which is not supported; put a signing proxy in front"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus(HttpAuth):
    server: Annotated[str, Param("serverAddress", doc="http(s)://host:port of the server")]
    query: Annotated[str, Param("query", doc="PromQL that gives one number")]
    threshold: Annotated[
        float, Param("threshold", doc="value per replica", above=0, is_target=True)
    ]
    activation: Annotated[
        float, Param("activationThreshold", doc="value above which to leave zero")
    ] = 0
    parameters: Annotated[Pairs, Param("queryParameters", doc="more parameters, k=v,k2=v2")] = (
        NO_PAIRS
    )
    namespace: Annotated[str, Param("namespace", doc="the `namespace` parameter of a proxy")] = ""
    headers: Annotated[Pairs, Param("customHeaders", doc="headers to send, k=v,k2=v2")] = NO_PAIRS
    ignore_null: Annotated[
        bool, Param("ignoreNullValues", doc="an empty result is 0; false: it is an error")
    ] = True
    unsafe: Annotated[bool, Param("unsafeSsl", doc="do not check the certificate")] = False
    timeout: Annotated[Seconds | None, Param("timeout", doc="of the HTTP call", above=0)] = None
    aws_region: Annotated[str, Param("awsRegion", "ma", refused=NO_SIGV4)] = ""
    identity_owner: Annotated[str, Param("identityOwner", refused=NO_SIGV4)] = ""

    def problems(self) -> Iterator[str]:
        if not self.server.startswith(("http://", "https://")):
            yield "'serverAddress' must begin with http:// or https://"
        yield from self.auth_problems()


async def read(meta: Prometheus, io: IO) -> float:
    query = {"query": meta.query, "time": io.now().isoformat().replace("+00:00", "Z")}
    query |= {"namespace": meta.namespace} if meta.namespace else {}
    call = Call(
        f"{meta.server.rstrip('/')}/api/v1/query",
        query | dict(meta.parameters),
        dict(meta.headers),
        Tls(meta.ca, unsafe=meta.unsafe),
        meta.timeout or 0.0,
    )
    answer = await get_json(await authorised(call, meta, io), io)
    if io.observer is not None and _is_empty(answer["data"]):
        io.observer.empty(ignored=meta.ignore_null)
    return value_of(answer, meta.ignore_null)


def _is_empty(data: Any) -> bool:
    """Whether there is no series, or one without a value."""
    if data["resultType"] == "scalar":
        return not data["result"]
    return not data["result"] or not data["result"][0].get("value")


def value_of(answer: Any, ignore_null: bool) -> float:  # noqa: FBT001  # a key of the trigger
    """The number in the answer of an instant query.

    >>> value_of({"data": {"resultType": "scalar", "result": [1, "7"]}}, True)
    7.0
    """
    data = answer["data"]
    if data["resultType"] == "scalar":
        return _number(data["result"], ignore_null)
    series = data["result"]
    if len(series) > 1:
        raise ScalerError(f"the query gave {len(series)} series, where one number is needed")
    if not series:
        return _nothing(ignore_null)
    return _number(series[0].get("value", []), ignore_null)


def _number(pair: list[Any], ignore_null: bool) -> float:  # noqa: FBT001  # a key of the trigger
    return float(pair[1]) if pair else _nothing(ignore_null)


def _nothing(ignore_null: bool) -> float:  # noqa: FBT001  # a key of the trigger
    if not ignore_null:
        raise ScalerError("the query gave an empty result, and 'ignoreNullValues' is false")
    return 0.0


SCALER = Scaler("prometheus", Prometheus, read, target="threshold", activation="activation")
