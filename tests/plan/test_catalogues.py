"""Catalogues of one's own: read, and every kind of file that is none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tandem.plan.catalogues import Catalogue, read
from tests.plan.kit import plan, pod
from tests.plan.test_bad_input import pool_asking
from tests.services.moto import Moto

TYPE: dict[str, Any] = {
    "name": "c-4x-amd64-linux",
    "architecture": "amd64",
    "operatingSystems": ["linux"],
    "resources": {"cpu": "4", "memory": "8Gi", "pods": "64"},
    "offerings": [
        {
            "Price": 0.1,
            "Available": True,
            "Requirements": [
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]},
                {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z"]},
            ],
        }
    ],
}


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def catalogue(path: Path | str) -> Catalogue:
    return read(str(path), now=now)


def test_a_catalogue_of_ones_own(file: Path) -> None:
    types = file.with_name("types.json")
    types.write_text(json.dumps([TYPE]))
    file.write_text(pod() + "---" + pool_asking(""))
    report = plan(file, catalogue=catalogue(types))

    assert [node.instance_type for node in report.plan.new_nodes] == ["c-4x-amd64-linux"]


def test_the_built_in_one_has_a_name() -> None:
    assert catalogue("built-in") == catalogue("") != Catalogue(())


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    each = copy.deepcopy(TYPE)
    change(each)
    return json.dumps([each])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[]", "holds no instance types", id="nothing in it"),
        pytest.param("{", "not a catalogue of instance types: ", id="no JSON"),
        pytest.param("{}", "not a catalogue of instance types: Expected `array`", id="no list"),
        pytest.param(
            changed(lambda each: each.pop("offerings")),
            "not a catalogue of instance types: Object missing required field `offerings`",
            id="a field is missing",
        ),
        pytest.param(
            changed(lambda each: each["offerings"][0].update(Price="cheap")),
            "not a catalogue of instance types: Expected `float`, got `str` - at "
            "`$[0].offerings[0].Price`",
            id="a field of the wrong type",
        ),
        pytest.param(
            changed(lambda each: each["offerings"][0]["Requirements"].pop()),
            "not a catalogue of instance types: an offering of c-4x-amd64-linux has no requirement",
            id="an offering without a zone",
        ),
        pytest.param(
            changed(lambda each: each["offerings"][0].update(Price=-0.5)),
            "c-4x-amd64-linux: offering in z, spot: Price: found '-0.5'; would do: zero or more",
            id="a negative price",
        ),
        pytest.param(
            changed(lambda each: each["resources"].pop("pods")),
            "c-4x-amd64-linux: resources.pods: found 'nothing'; would do: above zero",
            id="a machine for no pods",
        ),
        pytest.param(
            changed(lambda each: each["resources"].update(cpu="-4")),
            "c-4x-amd64-linux: resources.cpu: found '-4000'; would do: above zero",
            id="a machine with less than nothing",
        ),
        pytest.param(
            json.dumps([TYPE, TYPE]),
            "c-4x-amd64-linux is there 2 times for linux; would do: one of them",
            id="one type twice",
        ),
    ],
)
def test_a_catalogue_that_is_none(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    found = catalogue(file)

    assert found.types == ()
    assert [each.where.file for each in found.faults] == [str(file)]
    assert found.faults[0].message.startswith(said)
    assert plan(file, catalogue=found).exit_code == 2


def test_a_catalogue_that_is_not_there() -> None:
    (fault,) = catalogue("/gone").faults

    assert str(fault) == "/gone: no such file or directory; would do: a file, built-in or aws"


@pytest.mark.slow
def test_aws_is_asked_and_its_notes_are_passed_on(
    file: Path, moto: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moto has no price list, so the built-in prices stand in, which a note says."""
    for name, value in {
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }.items():
        monkeypatch.setenv(name, value)
    file.write_text(pod() + "---" + pool_asking(""))
    found = catalogue("aws")
    report = plan(file, catalogue=found)

    assert len(found.types) > 100
    assert all(note.startswith("AWS, us-east-1: ") for note in found.notes)
    assert "AWS, us-east-1: no on-demand prices" in "".join(report.notes)
    assert report.exit_code == 0
