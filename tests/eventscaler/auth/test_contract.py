"""The written servers answer as the documentation of the real ones shows; each case cites it.

A plain client sends what the documentation's examples send. So the tests of our own code stand on
servers that were not made to please it.
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from scalers._cloud_grants import signed_jwt
from scalers.base import Secret
from tests.eventscaler.auth.servers.azure import Azure, azure
from tests.eventscaler.auth.servers.google import GRANT, SCOPE, Google, google
from tests.eventscaler.auth.servers.oauth import token_endpoint


async def call(
    method: str, url: str, bearer: str = "", **more: Any
) -> tuple[int, Any, dict[str, str]]:
    headers = dict(more.pop("headers", {}))
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, **more) as answer,
    ):
        text = await answer.text()
        is_json = answer.content_type == "application/json"
        return answer.status, json.loads(text) if is_json else text, dict(answer.headers)


async def test_oauth_grants_as_rfc_6749_shows() -> None:
    """Sections 4.4.2, 5.1 and 5.2; the client in the form, as section 2.3.1 allows."""
    async with token_endpoint() as server:
        good = {
            "grant_type": "client_credentials",
            "client_id": server.client_id,
            "client_secret": server.client_secret,
        }
        status, body, headers = await call("POST", f"{server.url}/token", data=good)
        assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3600)
        assert isinstance(body["access_token"], str)
        assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")

        for change, expected in (
            ({"client_secret": "wrong"}, (401, "invalid_client")),
            ({"grant_type": "password"}, (400, "unsupported_grant_type")),
            ({"scope": "everything"}, (400, "invalid_scope")),
        ):
            status, body, _ = await call("POST", f"{server.url}/token", data=good | change)
            assert (status, body["error"]) == expected
        status, body, _ = await call("POST", f"{server.url}/token", data={})
        assert (status, body["error"]) == (400, "invalid_request")


async def test_a_resource_refuses_tokens_as_rfc_6750_shows() -> None:
    """Section 3.1: 401 and a challenge that names invalid_token."""
    async with token_endpoint() as server:
        status, _, headers = await call("GET", f"{server.url}/protected")

    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def azure_form(server: Azure, **changed: str) -> dict[str, str]:
    """First case of "Get a token": with a shared secret."""
    return {
        "client_id": server.client_id,
        "scope": f"{server.url}/.default",
        "client_secret": server.client_secret,
        "grant_type": "client_credentials",
    } | changed


async def test_microsofts_login_as_its_page_on_client_credentials_shows() -> None:
    """learn.microsoft.com: v2-oauth2-client-creds-grant-flow, and reference-error-codes."""
    async with azure() as server:
        url = f"{server.url}/{server.tenant}/oauth2/v2.0/token"
        status, body, _ = await call("POST", url, data=azure_form(server))
        assert status == 200
        assert {**body, "access_token": "..."} == {
            "token_type": "Bearer",
            "expires_in": 3599,
            "ext_expires_in": 3599,
            "access_token": "...",
        }

        federated = azure_form(server)  # third case: a federated credential
        del federated["client_secret"]
        federated |= {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "canary.federated.token",
        }
        status, _, _ = await call("POST", url, data=federated)
        assert status == 200

        status, body, _ = await call("POST", url, data=azure_form(server, client_secret="wrong"))
        assert (status, body["error"], body["error_codes"]) == (401, "invalid_client", [7000215])
        parts = {"error", "error_description", "error_codes", "timestamp", "trace_id"}
        assert set(body) == parts | {"correlation_id"}


async def test_key_vault_as_its_reference_shows() -> None:
    """learn.microsoft.com: rest/api/keyvault get-secret, authentication-requests-and-responses."""
    async with azure() as server:
        server.secrets["mysecretname", "4387e9f3d6e14c459867679a90fd0f79"] = "mysecretvalue"
        server.disabled.add("off")
        path = f"{server.url}/secrets/mysecretname/4387e9f3d6e14c459867679a90fd0f79"
        login = f"{server.url}/{server.tenant}/oauth2/v2.0/token"
        token = (await call("POST", login, data=azure_form(server)))[1]["access_token"]

        status, body, _ = await call("GET", f"{path}?api-version=7.4", token)
        assert (status, body["value"], body["id"]) == (200, "mysecretvalue", path)
        assert set(body["attributes"]) == {"enabled", "created", "updated"}

        status, body, headers = await call("GET", f"{path}?api-version=7.4")
        challenge = f'Bearer authorization="{server.url}/{server.tenant}", resource="{server.url}"'
        assert (status, headers["WWW-Authenticate"]) == (401, challenge)
        assert body["error"]["code"] == "Unauthorized"

        for name, expected in (
            ("gone", (404, {"code": "SecretNotFound"})),
            ("off", (403, {"code": "Forbidden", "innererror": {"code": "SecretDisabled"}})),
        ):
            url = f"{server.url}/secrets/{name}?api-version=7.4"
            status, body, _ = await call("GET", url, token)
            assert body["error"].pop("message")
            assert (status, body["error"]) == expected


async def test_googles_token_endpoint_as_its_page_on_service_accounts_shows() -> None:
    """developers.google.com: OAuth 2.0 for server-to-server applications, HTTP/REST."""
    async with google() as server:
        claims = {
            "iss": server.email,
            "scope": SCOPE,
            "aud": f"{server.url}/token",
            "exp": 1328554385,
            "iat": 1328550785,
        }
        key = json.loads(server.key_file())

        def form(**changed: object) -> dict[str, str]:
            signed = signed_jwt({"kid": "0123abcd"}, claims | changed, Secret(key["private_key"]))
            return {"grant_type": GRANT, "assertion": signed}

        status, body, _ = await call("POST", f"{server.url}/token", data=form())
        assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3599)

        too_long = form(exp=1328550785 + 7200)
        status, body, _ = await call("POST", f"{server.url}/token", data=too_long)
        assert (status, body["error"]) == (400, "invalid_grant")
        tampered = form() | {"assertion": form()["assertion"][:-8] + "AAAAAAAA"}
        status, body, _ = await call("POST", f"{server.url}/token", data=tampered)
        assert (status, body["error_description"]) == (400, "Invalid JWT Signature.")


async def test_the_metadata_server_wants_its_header_and_gives_it_back() -> None:
    """cloud.google.com: compute/docs/metadata/querying-metadata, parts of a request."""
    async with google() as server:
        url = f"{server.url}/computeMetadata/v1/instance/service-accounts/default/token"
        assert (await call("GET", url))[0] == 403
        status, body, headers = await call("GET", url, headers={"Metadata-Flavor": "Google"})

        assert (status, headers["Metadata-Flavor"]) == (200, "Google")
        assert set(body) == {"access_token", "expires_in", "token_type"}


async def own_token(server: Google) -> str:
    url = f"{server.url}/computeMetadata/v1/instance/service-accounts/default/token"
    body = (await call("GET", url, headers={"Metadata-Flavor": "Google"}))[1]
    return str(body["access_token"])


async def test_googles_credentials_and_secrets_as_their_references_show() -> None:
    """generateAccessToken and versions.access; errors after google.aip.dev/193."""
    async with google() as server:
        server.versions["mq", "latest"] = b"not-a-secret"
        server.crc["mq", "latest"] = 679015127
        server.versions["mq", "1"] = None
        token = await own_token(server)
        reader = "reader@shop-prod.iam.gserviceaccount.com"
        path = f"{server.url}/v1/projects/-/serviceAccounts/{reader}:generateAccessToken"
        body = {"scope": [SCOPE], "lifetime": "3600s"}
        status, answer, _ = await call("POST", path, token, json=body)
        assert status == 200
        assert set(answer) == {"accessToken", "expireTime"}
        assert answer["expireTime"].endswith("Z")

        secrets = f"{server.url}/v1/projects/{server.project}/secrets"
        status, answer, _ = await call("GET", f"{secrets}/mq/versions/latest:access", token)
        payload = {"data": "bm90LWEtc2VjcmV0", "dataCrc32c": "679015127"}
        assert (status, answer["payload"]) == (200, payload)
        assert answer["name"].startswith("projects/685789191942/secrets/mq/versions/")

        for path, bearer, expected in (
            (f"{secrets}/gone/versions/latest:access", token, (404, "NOT_FOUND")),
            (f"{secrets}/mq/versions/1:access", token, (400, "FAILED_PRECONDITION")),
            (f"{secrets}/mq/versions/latest:access", "no", (401, "UNAUTHENTICATED")),
        ):
            status, answer, _ = await call("GET", path, bearer)
            assert (status, answer["error"]["status"]) == expected
            assert answer["error"]["code"] == status
