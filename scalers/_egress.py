"""Which addresses the URLs of triggers may lead to. Pure rules; `_guarded` asks them.

Whoever may write a ScaledObject chooses addresses that the operator then connects to, from inside
the cluster and with the rights of its pod. So what only a pod's own machine should be asked, cloud
metadata above all, is denied unless an allow names it, and an operator can narrow down the rest.

Sources of the metadata addresses:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    https://cloud.google.com/compute/docs/metadata/querying-metadata
    https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
    https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

WANTED = "an address, a CIDR or a host such as 10.0.0.0/8, mq.example.com or *.example.com"
_HOST = re.compile(r"(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)")
_NUMERIC = re.compile(r"[0-9.]+")
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


@dataclass(frozen=True, slots=True)
class Rule:
    """Some addresses, or some host names: `network` is None for the latter."""

    text: str
    network: Network | None = None

    def meets(self, host: str, faces: Iterable[Address]) -> bool:
        """Whether it is about *host*, or about an address with one of these *faces*."""
        if self.network is not None:
            return any(face in self.network for face in faces)
        if self.text.startswith("*"):
            return host.endswith(self.text[1:])
        return host == self.text

    def __str__(self) -> str:
        return self.text


def rule(text: str) -> Rule:
    """Read one entry of an allow or a deny.

    Raises:
        ValueError: it is neither address nor host; the text and what would do are in the message.

    >>> rule("10.1.2.3").network, rule("*.Example.com.").text
    (IPv4Network('10.1.2.3/32'), '*.example.com')
    """
    found = text.strip().lower().rstrip(".")
    try:
        return Rule(found, ip_network(found.strip("[]")))
    except ValueError as error:
        if "host bits" in str(error):
            whole = ip_network(found, strict=False)
            raise ValueError(f"{text!r} has bits outside of its mask; want {whole}") from None
    if not _HOST.fullmatch(found) or _NUMERIC.fullmatch(found):
        raise ValueError(f"{text!r} says no address or host; want {WANTED}")
    return Rule(found)


NEVER = tuple(
    map(
        rule,
        (
            "169.254.0.0/16",  # link-local: metadata of AWS, Azure, Google and most others
            "fe80::/10",
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google
            "168.63.129.16",  # Azure's wire server
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "metadata.google.internal",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Egress:
    """Attributes: allow: when there is any, nothing else is; deny: comes first."""

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    def refusal(self, host: str, address: Address) -> str:
        """Why *host*, which is at *address*, may not be connected to; "" when it may.

        >>> Egress().refusal("metadata", ip_address("169.254.169.254"))
        'egress to 169.254.0.0/16 is denied'
        >>> Egress().refusal("mq", ip_address("10.0.0.1"))
        ''
        """
        name, faces = host.lower().rstrip("."), tuple(_faces(address))
        for denied in self.deny:
            if denied.meets(name, faces):
                return f"egress to {denied} is denied"
        allowed = [each for each in self.allow if each.meets(name, faces[:1])]
        for denied in NEVER:
            if denied.meets(name, faces) and not any(_opens(each, denied) for each in allowed):
                return f"egress to {denied} is denied"
        if self.allow and not allowed:
            return f"egress is allowed to {', '.join(map(str, self.allow))} only"
        return ""


NO_RULES = Egress()  # but the defaults


def literal(host: str) -> Address | None:
    """The address that *host* is, if it is no name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _faces(address: Address) -> Iterator[Address]:
    """The address, as IPv4 where it is that; then what a gateway would make of it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    yield address.ipv4_mapped or address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _opens(allowed: Rule, denied: Rule) -> bool:
    """Whether *allowed* is meant for what *denied* denies: 0.0.0.0/0 is not, a part of it is.

    A name is not meant for addresses: where it leads is for others to say.
    """
    if denied.network is None or allowed.network is None:
        return allowed == denied
    inner, outer = allowed.network, denied.network
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False
