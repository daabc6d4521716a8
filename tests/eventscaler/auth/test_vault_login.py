"""Logins to Vault as a ServiceAccount: real tokens of a real API server, checked by OpenBao."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventscaler.auth import AuthFault
from eventscaler.auth.account_tokens import requested
from eventscaler.auth.remote import vault
from eventscaler.auth.surroundings import RemoteSettings
from eventscaler.decode.sources import PkiData, Vault, VaultSecret
from kube.client import Client
from kube.resources import NAMESPACES, SERVICE_ACCOUNTS, Resource
from tests.clusters import Cluster
from tests.eventscaler.auth.tools import OPERATOR, placed, recorded, shown
from tests.services.openbao import OpenBao, authority, versioned

BINDINGS = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
VALUE = "swordfish-of-the-vault"


@dataclass
class Trust:
    """A vault that lets ServiceAccounts of one namespace in.

    Attributes:
        namespace: with the ServiceAccount `scaler`.
        mount: of the login, with the role `reader`.
        path: of the secret that `reader` may read; key `p`.
    """

    bao: OpenBao
    kube: Client
    namespace: str
    mount: str
    path: str

    def source(self, url: str, **more: Any) -> Vault:
        secrets = (VaultSecret("p", more.pop("path", self.path), "p", "secretV2"),)
        given: dict[str, Any] = {"role": "reader", "mount": self.mount} | more
        return Vault(address=url, authentication="kubernetes", secrets=secrets, **given)

    def role(self, **more: Any) -> None:
        body = {
            "bound_service_account_names": "scaler",
            "bound_service_account_namespaces": self.namespace,
            "policies": [self.mount],
            "token_ttl": "1h",
            **more,
        }
        self.bao.api("POST", f"auth/{self.mount}/role/reader", body)


@pytest.fixture
async def trust(openbao: OpenBao, real_cluster: Cluster) -> AsyncIterator[Trust]:
    name = f"t-{uuid.uuid4().hex[:8]}"
    kube = real_cluster.client()
    await kube.create(NAMESPACES, {"metadata": {"name": name}})
    for account in ("scaler", "reviewer"):
        await kube.create(SERVICE_ACCOUNTS, {"metadata": {"name": account, "namespace": name}})
    subject = {"kind": "ServiceAccount", "name": "reviewer", "namespace": name}
    role = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:auth-delegator",
    }
    await kube.create(
        BINDINGS, {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    )
    async with placed() as place:
        reviewer = (await requested(place.where(home=name, kube=kube), "reviewer")).value
    openbao.api("POST", f"sys/auth/{name}", {"type": "kubernetes"})
    assert real_cluster.authority is not None
    config = {
        "kubernetes_host": real_cluster.url,
        "kubernetes_ca_cert": real_cluster.authority.read_text(),
        "token_reviewer_jwt": reviewer.reveal(),
    }
    openbao.api("POST", f"auth/{name}/config", config)
    versioned(openbao, name)
    openbao.api("POST", f"{name}/data/mq", {"data": {"p": VALUE}})
    openbao.api("POST", f"{name}/data/other", {"data": {"p": "secret"}})
    authority(openbao, f"{name}-pki")
    policy = f'''
        path "{name}/data/mq" {{ capabilities = ["read"] }}
        path "{name}-pki/issue/mq" {{ capabilities = ["update"] }}
    '''
    openbao.api("POST", f"sys/policies/acl/{name}", {"policy": policy})
    made = Trust(openbao, kube, name, name, f"{name}/data/mq")
    made.role()
    yield made
    await kube.close()


async def test_a_login_is_shared_renewed_before_it_ends_and_made_anew_after(trust: Trust) -> None:
    login, read = f"POST /v1/auth/{trust.mount}/login", f"GET /v1/{trust.path}"
    renewal = "POST /v1/auth/token/renew-self"

    async with placed() as place, recorded(trust.bao.url) as seen:
        where = place.where(home=trust.namespace, kube=trust.kube)
        wanted = trust.source(seen.url, service_account="scaler")
        found = await vault.fetch(wanted, where)
        assert shown(found.values) == {"p": VALUE}
        assert seen.taken() == [login, read]

        place.clock.move(minutes=35)
        found = await vault.fetch(wanted, where)
        assert found.until is not None
        assert found.until - place.clock() <= timedelta(minutes=5)
        assert seen.taken() == [read]

        place.clock.move(minutes=15)
        found = await vault.fetch(wanted, where)
        assert seen.taken() == [renewal, read]
        place.clock.move(minutes=37)
        await vault.fetch(wanted, where)
        assert seen.taken() == [renewal, read]

        trust.role(token_ttl="10m")  # as near the end of its maximal life
        place.clock.move(minutes=41)
        await vault.fetch(wanted, where)
        assert seen.taken() == [renewal, login, read]


async def test_a_revoked_token_is_replaced_by_one_more_login(trust: Trust) -> None:
    login, read = f"POST /v1/auth/{trust.mount}/login", f"GET /v1/{trust.path}"

    async with placed() as place, recorded(trust.bao.url) as seen:
        where = place.where(home=trust.namespace, kube=trust.kube)
        wanted = trust.source(seen.url, service_account="scaler")
        await vault.fetch(wanted, where)
        seen.taken()
        trust.bao.api("POST", f"sys/leases/revoke-prefix/auth/{trust.mount}/login")
        place.clock.move(minutes=4)

        assert shown((await vault.fetch(wanted, where)).values) == {"p": VALUE}
        assert seen.taken() == [read, login, read]


async def test_what_was_made_for_a_login_ends_with_it(trust: Trust) -> None:
    pki = PkiData(common_name="mq.example", ttl="100h")
    secret = VaultSecret("p", f"{trust.mount}-pki/issue/mq", "serial_number", "pki", pki)

    async with placed() as place:
        where = place.where(home=trust.namespace, kube=trust.kube)
        wanted = replace(trust.source(trust.bao.url, service_account="scaler"), secrets=(secret,))
        first = await vault.fetch(wanted, where)
        place.clock.move(minutes=41)
        assert (await vault.fetch(wanted, where)).values == first.values, "renewed"
        trust.role(token_ttl="10m")
        place.clock.move(minutes=41)

        assert (await vault.fetch(wanted, where)).values != first.values


async def test_what_the_policy_denies_is_asked_for_twice_and_told(trust: Trust) -> None:
    denied = f"{trust.mount}/data/other"

    async with placed() as place, recorded(trust.bao.url) as seen:
        where = place.where(home=trust.namespace, kube=trust.kube)
        wanted = trust.source(seen.url, service_account="scaler", path=denied)
        with pytest.raises(AuthFault) as fault:
            await vault.fetch(wanted, where)

        why = "answered 403: the token is not valid, or its policy does not allow this"
        assert str(fault.value) == f"vault {seen.url}: '{denied}': {why}"
        login = f"POST /v1/auth/{trust.mount}/login"
        assert seen.taken() == [login, f"GET /v1/{denied}"] * 2


async def test_a_stranger_is_not_let_in(trust: Trust) -> None:
    async with placed() as place:
        where = place.where(home=trust.namespace, kube=trust.kube)
        with pytest.raises(AuthFault, match=rf"login as role 'reader' at 'auth/{trust.mount}'"):
            await vault.fetch(trust.source(trust.bao.url, service_account="reviewer"), where)
        missing = f"serviceaccount {trust.namespace}/nobody does not exist"
        with pytest.raises(AuthFault, match=missing):
            await vault.fetch(trust.source(trust.bao.url, service_account="nobody"), where)


async def test_the_operators_token_is_read_from_a_file_and_goes_to_trusted_vaults_only(
    trust: Trust, tmp_path: Path
) -> None:
    async with placed() as place:
        token = (
            await requested(place.where(home=trust.namespace, kube=trust.kube), "scaler")
        ).value
        folder = tmp_path / "secrets"
        folder.mkdir()
        (folder / "token").write_text(f"{token.reveal()}\n")
        (folder / "password").write_text("hunter22")
        (tmp_path / "elsewhere").write_text(token.reveal())
        remote = RemoteSettings(
            token_file=str(folder / "token"),
            token_folders=(str(folder),),
            vaults=(trust.bao.url,),
        )

        for file in ("", str(folder / "token")):
            wanted = trust.source(trust.bao.url, token_file=file)
            found = await vault.fetch(wanted, place.where(remote))
            assert shown(found.values) == {"p": VALUE}

        outside = f"{folder}/../elsewhere"
        for file, problem in (
            (outside, f"'credential.serviceAccount' {outside} is not below {folder}"),
            (str(folder / "password"), "holds no token of a ServiceAccount"),
            (str(folder / "gone"), "cannot be read: No such file or directory"),
        ):
            with pytest.raises(AuthFault) as fault:
                await vault.fetch(trust.source(trust.bao.url, token_file=file), place.where(remote))
            assert problem in str(fault.value)

        strict = RemoteSettings(token_file=remote.token_file)
        with pytest.raises(
            AuthFault, match=r"not sent to it: give 'credential\.serviceAccountName'"
        ):
            await vault.fetch(trust.source(trust.bao.url), place.where(strict))
        at_home = place.where(strict, home=OPERATOR)
        assert shown((await vault.fetch(trust.source(trust.bao.url), at_home)).values)
