"""The flags of the metrics API of `tandem run` as one value; light, as `--help` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from tandem import flags
from tandem.errors import BadInput

FLAG = "--metrics-api"
LISTEN = "0.0.0.0:6443"  # the API server comes from elsewhere
SERVICE = "tandem-metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Where and as whom metrics are served.

    Attributes:
        service: of the operator's namespace; the APIService names it.
        certificates: folder with tls.crt and tls.key; None: made here, and told to the APIService.
        published: own address, written into the Service's EndpointSlice while leading; "" for not.
    """

    address: str
    port: int
    service: str = SERVICE
    certificates: Path | None = None
    published: str = ""


def offer(
    listen: str, *, needed: bool, service: str, certificates: Path | None, published: str
) -> Offer | None:
    """The flags as a value; None when nothing is to be served.

    Raises:
        BadInput: one of them cannot be used.
    """
    if published:
        try:
            ip_address(published)
        except ValueError as error:
            told = f"{FLAG}-address: found {published!r}; would do: an IP address such as 10.0.0.7"
            raise BadInput(told) from error
    if not listen and not needed:
        return None
    address, port = flags.address(FLAG, listen or LISTEN)
    return Offer(
        address=address,
        port=port,
        service=service,
        certificates=certificates,
        published=published,
    )
