"""Apache Kafka: how far a consumer group is behind.

Differs from the original: the cap at one replica a partition is exact; `excludePersistentLag`
compares with the commits of an earlier sample, so that two reads of one sample do not make a lag
look stuck; a partition whose end is not known is an error, not a lag of 0.
Source: https://keda.sh/docs/latest/scalers/apache-kafka/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from scalers._kafka import Cluster, Sasl
from scalers._lag import Offsets, ResetPolicy, Rules, lag
from scalers._lazily import imported
from scalers._tls import Tls
from scalers.base import Pairs, Param, Sample, Scaler, Secret
from scalers.io import IO

SAMPLE_S = 5.0
"""Reads closer than this are one sample: consumers commit every 5 s by default."""

CANNOT = "this version cannot speak"
LACKS = "the TriggerAuthentication has no"
NO_GSSAPI = f"belongs to SASL GSSAPI (Kerberos), which {CANNOT}; use scram_sha512"
NO_PAIRS = Pairs(())
NO_AWS = f"belongs to aws_msk_iam, which {CANNOT}; use SASL/SCRAM"


class TlsMode(StrEnum):
    ENABLE = "enable"
    DISABLE = "disable"


class TokenProvider(StrEnum):
    BEARER = "bearer"
    AWS_MSK_IAM = "aws_msk_iam"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    servers: Annotated[tuple[str, ...], Param("bootstrapServers", "me", "brokers as host:port")]
    group: Annotated[str, Param("consumerGroup", "me", "the group whose commits are read")]
    topic: Annotated[
        str, Param("topic", "me", "one topic; none: all that the group commits on")
    ] = ""
    only: Annotated[
        frozenset[int], Param("partitionLimitation", doc="partitions to look at, as 1,3-5")
    ] = frozenset()
    lag_threshold: Annotated[
        float, Param("lagThreshold", doc="lag per replica", above=0, is_target=True)
    ] = 10
    activation: Annotated[
        float, Param("activationLagThreshold", doc="lag above which to leave zero", at_least=0)
    ] = 0
    policy: Annotated[
        ResetPolicy, Param("offsetResetPolicy", doc="what a partition without a commit counts")
    ] = ResetPolicy.LATEST
    allow_idle: Annotated[
        bool, Param("allowIdleConsumers", doc="more replicas than partitions")
    ] = False
    zero_on_invalid: Annotated[
        bool, Param("scaleToZeroOnInvalidOffset", doc="a partition without a commit counts 0")
    ] = False
    only_with_lag: Annotated[
        bool, Param("limitToPartitionsWithLag", doc="at most one replica a partition with lag")
    ] = False
    even: Annotated[
        bool,
        Param("ensureEvenDistributionOfPartitions", doc="only replica counts that divide them"),
    ] = False
    exclude_persistent: Annotated[
        bool, Param("excludePersistentLag", doc="leave out partitions whose commit does not move")
    ] = False
    full_metadata: Annotated[
        bool,
        Param("fullMetadata", deprecated="only the metadata of the topics in use is ever loaded"),
    ] = True
    version: Annotated[
        str, Param("version", deprecated="the protocol version is agreed on with the broker")
    ] = ""
    sasl: Annotated[Sasl, Param("sasl", "ma", "how to log in")] = Sasl.NONE
    username: Annotated[Secret | None, Param("username", "a", "user, or OAuth client ID")] = None
    password: Annotated[Secret | None, Param("password", "a", "or OAuth client secret")] = None
    token_provider: Annotated[
        TokenProvider, Param("saslTokenProvider", "ma", "who gives the OAuth token")
    ] = TokenProvider.BEARER
    oauth_uri: Annotated[str, Param("oauthTokenEndpointUri", "a", "token endpoint")] = ""
    scopes: Annotated[tuple[str, ...], Param("scopes", "a", "OAuth scopes")] = ()
    extensions: Annotated[Pairs, Param("oauthExtensions", "a", "as k=v,k2=v2")] = NO_PAIRS
    tls: Annotated[TlsMode, Param("tls", "ma", "whether to use TLS")] = TlsMode.DISABLE
    unsafe: Annotated[bool, Param("unsafeSsl", doc="do not check the broker's certificate")] = False
    ca: Annotated[Secret | None, Param("ca", "a", "certificate authority of the brokers")] = None
    cert: Annotated[Secret | None, Param("cert", "a", "client certificate")] = None
    key: Annotated[Secret | None, Param("key", "a", "its key")] = None
    key_password: Annotated[Secret | None, Param("keyPassword", "a", "opens the key")] = None
    keytab: Annotated[str, Param("keytab", "a", refused=NO_GSSAPI)] = ""
    realm: Annotated[str, Param("realm", "a", refused=NO_GSSAPI)] = ""
    kerberos_config: Annotated[str, Param("kerberosConfig", "a", refused=NO_GSSAPI)] = ""
    kerberos_service: Annotated[str, Param("kerberosServiceName", "a", refused=NO_GSSAPI)] = ""
    kerberos_fast: Annotated[bool, Param("kerberosDisableFAST", "a", refused=NO_GSSAPI)] = False
    aws_region: Annotated[str, Param("awsRegion", refused=NO_AWS)] = ""

    def problems(self) -> Iterator[str]:
        yield from self._contradictions()
        yield from self._login_problems()

    def _contradictions(self) -> Iterator[str]:
        if self.allow_idle and self.only_with_lag:
            yield "'allowIdleConsumers' and 'limitToPartitionsWithLag' exclude each other"
        if self.only_with_lag and self.even:
            yield (
                "'limitToPartitionsWithLag' and 'ensureEvenDistributionOfPartitions' "
                "exclude each other"
            )
        for key, is_set in (
            ("limitToPartitionsWithLag", self.only_with_lag),
            ("ensureEvenDistributionOfPartitions", self.even),
        ):
            if is_set and not self.topic:
                yield f"'{key}' needs a 'topic'"
        if bool(self.cert) != bool(self.key):
            yield "'cert' and 'key' of the TriggerAuthentication go together; one is missing"

    def _login_problems(self) -> Iterator[str]:
        if self.sasl is Sasl.GSSAPI:
            yield f"'sasl' is gssapi, which {CANNOT}; use scram_sha512"
        if self.sasl is Sasl.OAUTHBEARER and self.token_provider is TokenProvider.AWS_MSK_IAM:
            yield f"'saslTokenProvider' is aws_msk_iam, which {CANNOT}; use SASL/SCRAM"
        if self.sasl is Sasl.OAUTHBEARER and not self.oauth_uri:
            yield f"'sasl' is oauthbearer, and {LACKS} 'oauthTokenEndpointUri'"
        if self.sasl is not Sasl.NONE:
            for key, value in (("username", self.username), ("password", self.password)):
                if not value:
                    yield f"'sasl' is {self.sasl}, and {LACKS} '{key}'"

    @property
    def cluster(self) -> Cluster:
        secured = self.tls is TlsMode.ENABLE
        return Cluster(
            servers=self.servers,
            secured=secured,
            tls=Tls(self.ca, self.cert, self.key, self.key_password, unsafe=self.unsafe),
            sasl=self.sasl,
            username=self.username,
            password=self.password,
            oauth_uri=self.oauth_uri,
            oauth_scopes=self.scopes,
            oauth_extensions=self.extensions,
        )

    @property
    def rules(self) -> Rules:
        return Rules(
            threshold=self.lag_threshold,
            policy=self.policy,
            zero_on_invalid=self.zero_on_invalid,
            allow_idle=self.allow_idle,
            only_with_lag=self.only_with_lag,
            even=self.even,
        )


class Commits:
    """The commits of this sample and of the one before."""

    def __init__(self) -> None:
        self._at = float("-inf")
        self._current: Offsets | None = None
        self._before: Offsets | None = None

    def before(self, now_s: float, commits: Offsets) -> Offsets | None:
        """Take the *commits* of a read and return those of the sample before it."""
        if now_s >= self._at + SAMPLE_S:
            self._before, self._current, self._at = self._current, commits, now_s
        return self._before


async def read(meta: Kafka, io: IO) -> Sample:
    await imported("scalers._aiokafka")
    from scalers._aiokafka import offsets  # noqa: PLC0415 - in memory by now

    found = await offsets(meta.cluster, meta.group, meta.topic, meta.only, io)
    before = None
    if meta.exclude_persistent:
        remembered = io.remembered(("kafka", meta), Commits)
        before = remembered.before(io.now().timestamp(), found.commits)
    behind = lag(found.commits, found.ends, meta.rules, before)
    return Sample(behind.value, activation_value=behind.total)


SCALER = Scaler(
    "kafka",
    Kafka,
    read,
    target="lag_threshold",
    activation="activation",
    metric=lambda meta: f"kafka-{meta.topic or meta.group + '-topics'}",
    thresholds_matter=True,
)
