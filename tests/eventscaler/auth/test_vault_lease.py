"""From a manifest to a reading, with a RabbitMQ user that the vault makes and takes away again."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from eventscaler.auth import Resolver
from eventscaler.auth.resolver import key_of
from eventscaler.decode import AuthRef, authentication
from kube.client import Json
from scalers.base import Secret, TriggerSpec, parse, read
from tests.eventscaler.auth.tools import placed, recorded, shown
from tests.services.openbao import OpenBao
from tests.services.rabbitmq import RabbitMq, change

REF = AuthRef("mq")


@pytest.fixture
def engine(openbao: OpenBao, rabbitmq: RabbitMq) -> str:
    """A secrets engine that makes users of the broker; its path, with the role `reader`."""
    path = f"mq-{uuid.uuid4().hex[:8]}"
    parts = urlsplit(rabbitmq.http)
    login = {
        "connection_uri": f"http://{parts.netloc.rpartition('@')[2]}",
        "username": parts.username,
        "password": parts.password,
    }
    openbao.api("POST", f"sys/mounts/{path}", {"type": "rabbitmq"})
    openbao.api("POST", f"{path}/config/connection", login)
    openbao.api("POST", f"{path}/config/lease", {"ttl": "3h", "max_ttl": "6h"})
    rights = {"/": {"configure": ".*", "write": ".*", "read": ".*"}}
    openbao.api("POST", f"{path}/roles/reader", {"vhosts": json.dumps(rights)})
    change(rabbitmq.http, "PUT", "queues/%2F/leased")
    return path


def manifest(address: str, token: str, path: str) -> Json:
    secrets = [
        {"parameter": key, "path": f"{path}/creds/reader", "key": key, "type": "secret"}
        for key in ("username", "password")
    ]
    vault = {
        "address": address,
        "authentication": "token",
        "credential": {"token": token},
        "secrets": secrets,
    }
    return {
        "kind": "TriggerAuthentication",
        "metadata": {"name": "mq", "namespace": "shop"},
        "spec": {"hashiCorpVault": vault},
    }


async def test_a_user_made_for_us_is_used_for_most_of_its_lease(
    openbao: OpenBao, rabbitmq: RabbitMq, engine: str
) -> None:
    async with placed() as place, recorded(openbao.url) as seen:
        made = openbao.api("POST", "auth/token/create", {"policies": ["root"], "period": "24h"})
        token = made["auth"]["client_token"]
        value, faults = authentication(manifest(seen.url, token, engine))
        assert value is not None, faults
        where = place.where()
        resolver = Resolver(where.settings)
        resolver.put(key_of(REF, "shop"), value)

        found = await resolver.resolve(REF, where)
        assert found.until is not None
        left = found.until - place.clock()
        assert timedelta(minutes=161) < left < timedelta(minutes=163), "of three hours"
        auth = {**found.values, "host": Secret(f"amqp://{rabbitmq.amqp.rpartition('@')[2]}")}
        spec = TriggerSpec(type="rabbitmq", metadata={"queueName": "leased"}, auth=auth)
        assert (await read(parse(spec), place.io)).value == 0

        place.clock.move(minutes=107)
        assert shown((await resolver.resolve(REF, where)).values) == shown(found.values)
        place.clock.move(minutes=3)
        later = await resolver.resolve(REF, where)
        assert shown(later.values).keys() == {"username", "password"}
        assert shown(later.values)["username"] != shown(found.values)["username"]
        asked = [call for call in seen.calls if call.endswith("/creds/reader")]
        assert len(asked) == 2
