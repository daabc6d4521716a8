"""What holds for every file in scalers/, so that a new one cannot forget it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from scalers._params import slots_of
from scalers.base import load, types
from scalers.docs import TRIGGERS, page

ROOT = Path(__file__).parents[2]
REFERENCE = {
    "aws-sqs-queue": "queueLength activationQueueLength queueURL awsRegion awsEndpoint "
    "scaleOnInFlight scaleOnDelayed identityOwner",
    "cpu": "type value containerName",
    "cron": "start end timezone desiredReplicas",
    "kafka": "bootstrapServers consumerGroup topic partitionLimitation lagThreshold "
    "activationLagThreshold offsetResetPolicy allowIdleConsumers excludePersistentLag "
    "scaleToZeroOnInvalidOffset limitToPartitionsWithLag ensureEvenDistributionOfPartitions "
    "fullMetadata version tls unsafeSsl ca cert key keyPassword sasl username password "
    "saslTokenProvider scopes oauthTokenEndpointUri oauthExtensions keytab realm kerberosConfig "
    "kerberosServiceName kerberosDisableFAST awsRegion",
    "kubernetes-workload": "podSelector value activationValue groupByNode",
    "memory": "type value containerName",
    "metrics-api": "targetValue activationTargetValue url format valueLocation unsafeSsl "
    "aggregateFromKubeServiceEndpoints aggregationType timeout",
    "prometheus": "serverAddress query queryParameters threshold activationThreshold namespace "
    "customHeaders ignoreNullValues unsafeSsl awsRegion timeout identityOwner",
    "rabbitmq": "queueName mode queueLength value activationValue host protocol vhostName useRegex "
    "excludeUnacknowledged pageSize operation timeout username password ca cert key keyPassword "
    "tls unsafeSsl workloadIdentityResource",
}
"""The keys of the original, so that a manifest written for it says nothing unknown."""


@pytest.mark.parametrize("name", types())
def test_the_file_is_named_as_its_trigger(name: str) -> None:
    assert load(name).trigger == name


@pytest.mark.parametrize("name", types())
def test_target_and_activation_exist(name: str) -> None:
    scaler = load(name)
    for named in (scaler.target, scaler.activation):
        assert not isinstance(named, str) or hasattr(scaler.meta, named)


@pytest.mark.parametrize("name", types())
def test_there_is_a_test_of_the_same_name(name: str) -> None:
    assert Path(__file__).with_name(f"test_{name.replace('-', '_')}.py").exists()


@pytest.mark.parametrize("name", types())
def test_every_key_of_the_original_is_declared(name: str) -> None:
    declared = {slot.param.key for slot in slots_of(load(name).meta)}

    assert set(REFERENCE[name].split()) <= declared


@pytest.mark.parametrize("name", types())
def test_keys_are_declared_once_and_explained(name: str) -> None:
    params = [slot.param for slot in slots_of(load(name).meta)]
    keys = [param.key for param in params]

    assert len(keys) == len(set(keys))
    assert [p.key for p in params if not (p.doc or p.refused or p.deprecated)] == []


@pytest.mark.parametrize("name", types())
def test_what_is_secret_cannot_print(name: str) -> None:
    """Passwords, tokens and keys are of type Secret, and come from nowhere in the open."""
    for slot in slots_of(load(name).meta):
        if re.search(r"(?i)password|secret|token$|^key$|^cert$|apiKey$", slot.param.key):
            assert "Secret" in str(slot.kind), slot.param.key
            assert "m" not in slot.param.where, slot.param.key


@pytest.mark.parametrize("name", types())
def test_metadata_is_a_value(name: str) -> None:
    """Frozen and hashable, because equal sources are read once."""
    meta = load(name).meta

    assert meta.__hash__ is not None
    assert all(field.kw_only for field in fields(meta))


@pytest.mark.parametrize("name", types())
def test_the_page_is_fresh(name: str) -> None:
    """`python -m scalers.docs` writes the keys of each page anew."""
    path = ROOT / TRIGGERS / f"{name}.md"

    assert path.read_text() == page(name, path.read_text())


def test_every_type_of_this_round_is_there() -> None:
    assert set(types()) >= set(REFERENCE)
