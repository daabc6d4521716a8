"""AWS Secrets Manager: `awsSecretManager`.

As static keys, or as the identity that `podIdentity` says. Only texts can be parameters; of a
secret that is JSON, `secretKey` picks one field. Where Amazon's API is elsewhere, boto3 knows from
AWS_ENDPOINT_URL_SECRETS_MANAGER.
Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from eventscaler.auth.identities import acting
from eventscaler.auth.objects import AuthFault
from eventscaler.auth.remote import kit
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import AwsManager, AwsSecret
from scalers._aws import Account, call
from scalers._kept import Lasting
from scalers.base import Secret


@dataclass(frozen=True, slots=True)
class Version:
    """What one call asks for; "" for the current one."""

    name: str
    id: str
    stage: str


async def fetch(source: AwsManager, where: Where) -> Fetched:
    """The parameters of *source*; each version is read once, however many fields are wanted."""
    async with kit.faults("awsSecretManager", where):
        account = await _account(source, where)
        versions = [_version(secret) for secret in source.secrets]
        found = await kit.all_of(versions, lambda version: _kept(account, version, where))
        values = {
            secret.parameter: Secret(_value(secret, found[version].value))
            for secret, version in zip(source.secrets, versions, strict=True)
        }
        return kit.fetched(values, (each.until for each in found.values()))


def _version(secret: AwsSecret) -> Version:
    return Version(secret.name, secret.version_id, secret.version_stage)


async def _account(source: AwsManager, where: Where) -> Account:
    given = source.credentials
    if given is not None:
        return Account(
            region=source.region,
            key_id=await where.secret(given.key_id),
            secret_key=await where.secret(given.secret_key),
            token=await where.secret(given.token) if given.token else None,
        )
    if source.identity is None or source.identity.provider != "aws":
        raise AuthFault("give 'credentials', or 'podIdentity' with provider aws")
    identity = (await acting(source.identity, where)).identity or source.identity
    return Account(
        region=source.region,
        role=identity.role_arn,
        external_id=identity.external_id,
        web_token=identity.web_token,
    )


async def _kept(account: Account, version: Version, where: Where) -> Lasting[Secret]:
    key = ("aws secret", account, version)
    return await kit.kept(key, lambda: _read(account, version, where), where)


async def _read(account: Account, version: Version, where: Where) -> Lasting[Secret]:
    asked = {"SecretId": version.name, "VersionId": version.id, "VersionStage": version.stage}
    given = {name: value for name, value in asked.items() if value}
    async with kit.faults(f"'{version.name}'", where):
        answer = await call(account, "secretsmanager", "get_secret_value", where.io, **given)
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise AuthFault(f"'{version.name}' is binary; only a text can be a parameter")
    return kit.lasting(Secret(text), where)


def _value(secret: AwsSecret, found: Secret) -> str:
    if not secret.json_key:
        return found.reveal()
    try:
        fields = json.loads(found.reveal())
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise AuthFault(f"'{secret.name}' is no JSON object to take '{secret.json_key}' from")
    if secret.json_key not in fields:
        raise AuthFault(f"'{secret.name}' has no field '{secret.json_key}'")
    return kit.text_of(fields[secret.json_key], f"field '{secret.json_key}' of '{secret.name}'")
