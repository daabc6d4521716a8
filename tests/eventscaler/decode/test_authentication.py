"""What a TriggerAuthentication decodes to, and what of it is refused by name."""

from __future__ import annotations

import pytest

from eventscaler.decode import Authentication, EnvRef, KeyRef, authentication, data_of
from kube.client import Json
from tests.eventscaler.manifests import config_map, secret, trigger_authentication

KEY = {"parameter": "host", "name": "rabbit", "key": "uri"}


def test_sources_in_the_cluster() -> None:
    body = trigger_authentication(
        secretTargetRef=[KEY],
        configMapTargetRef=[KEY | {"parameter": "vhost"}],
        env=[{"parameter": "user", "name": "USER", "containerName": "main"}],
        podIdentity={"provider": "none"},
    )
    value, faults = authentication(body)

    assert faults == ()
    assert value == Authentication(
        "TriggerAuthentication",
        "default",
        "creds",
        env=(EnvRef("user", "USER", "main"),),
        config_maps=(KeyRef("vhost", "rabbit", "uri", "ConfigMap"),),
        secrets=(KeyRef("host", "rabbit", "uri"),),
    )
    assert value.parameters == ("user", "vhost", "host")


def test_the_cluster_kind_has_no_namespace() -> None:
    value, _ = authentication(trigger_authentication(cluster=True))

    assert value is not None
    assert (value.kind, value.namespace) == ("ClusterTriggerAuthentication", "")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"secretTargetRef": [{"parameter": "host", "name": "rabbit"}]},
            "spec.secretTargetRef[0].key: found nothing, want a text",
        ),
        (
            {"secretTargetRef": [KEY | {"keys": "x"}]},
            (
                "spec.secretTargetRef[0].keys: found 'keys', want a field of this object; "
                "did you mean 'key'?"
            ),
        ),
        ({"env": {}}, "spec.env: found {}, want a list"),
    ],
    ids=["missing key", "typo", "no list"],
)
def test_faults(spec: Json, message: str) -> None:
    value, faults = authentication(trigger_authentication(**spec))

    assert value is None
    assert [str(fault) for fault in faults] == [message]


def test_data_of_secrets_and_config_maps() -> None:
    body = secret("a", user="bob") | {"stringData": {"host": "mq"}}

    assert data_of(body, "Secret") == {"user": "bob", "host": "mq"}
    assert data_of(config_map("a", user="bob"), "ConfigMap") == {"user": "bob"}
    assert data_of({"data": 3, "stringData": []}, "Secret") == {}
    with pytest.raises(ValueError, match=r"^key 'user' is not text in base64$"):
        data_of({"data": {"user": "not base64!"}}, "Secret")
