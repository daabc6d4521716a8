"""Kafka: where and as whom to connect, and what a read of a group's offsets gives.

Light: the client is in `_aiokafka`, which is imported at the first read, because aiokafka is heavy
and most clusters have no Kafka.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum

from scalers._errors import Secret
from scalers._lag import Partition
from scalers._tls import PLAIN, Tls


class Sasl(StrEnum):
    NONE = "none"
    PLAINTEXT = "plaintext"
    SCRAM_SHA256 = "scram_sha256"
    SCRAM_SHA512 = "scram_sha512"
    OAUTHBEARER = "oauthbearer"
    GSSAPI = "gssapi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where and as whom to connect."""

    servers: tuple[str, ...]
    secured: bool = False
    tls: Tls = PLAIN
    sasl: Sasl = Sasl.NONE
    username: Secret | None = None
    password: Secret | None = None
    oauth_uri: str = ""
    oauth_scopes: tuple[str, ...] = ()
    oauth_extensions: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> Hashable:
        return "kafka", self

    @property
    def name(self) -> str:
        return ",".join(self.servers)


@dataclass(frozen=True, slots=True)
class Offsets:
    commits: dict[Partition, int]
    ends: dict[Partition, int]
