"""AWS for the tests of its clouds: an identity, and what moto knows of machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.services.moto import Moto

BOTO3: Any = boto3  # untyped
REGION = "us-east-1"
KEY_ID, SECRET_KEY = "AKIAEXAMPLE", "hunter22/secret"


def ec2(endpoint: str) -> Any:
    """A client of the test's own."""
    return BOTO3.Session().client(
        "ec2",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET_KEY,
    )


@pytest.fixture(scope="session")
def machines(moto: Moto) -> Mapping[str, Mapping[str, Any]]:
    """DescribeInstanceTypes' records of moto, by name: 1,395 real ones."""
    records = ec2(moto.url).describe_instance_types()["InstanceTypes"]
    return {each["InstanceType"]: each for each in records}


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Credentials in the environment, and nothing else of this machine's."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    return monkeypatch
