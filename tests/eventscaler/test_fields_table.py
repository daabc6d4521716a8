"""The table of fields is whole, and what it names is there.

That the named tests fail without the field was seen by taking each field away; see fields.yaml.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from kube.client import Json
from tests.eventscaler.test_crds import KINDS, crd, version

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "eventscaler"
TABLE: dict[str, dict[str, Json]] = yaml.safe_load((HERE / "fields.yaml").read_text())
ROWS = [(group, name) for group, rows in TABLE.items() for name in rows]
KEY = re.compile(r"(?:[a-z]+\.)?(?:keda|tandem)\.sh/(?!v\d)[a-z-]+")
SHARED = "TriggerAuthentication"  # whose spec a ClusterTriggerAuthentication has


def leaves(schema: Json, path: str) -> Iterator[str]:
    """Paths of what *schema* describes: [] for items of a list, {} for those of a map."""
    inner = schema.get("additionalProperties")
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        yield path
    elif "properties" in schema:
        for key, each in schema["properties"].items():
            yield from leaves(each, f"{path}.{key}")
    elif schema.get("type") == "array":
        yield from leaves(schema["items"], f"{path}[]")
    elif isinstance(inner, dict) and "properties" in inner:
        yield from leaves(inner, f"{path}{{}}")
    else:
        yield path


@pytest.mark.parametrize("part", ["spec", "status"])
@pytest.mark.parametrize("plural", KINDS)
def test_every_field_has_a_row(plural: str, part: str) -> None:
    kind = crd(plural)["spec"]["names"]["kind"]
    schema = version(plural)["schema"]["openAPIV3Schema"]["properties"][part]
    own = set(TABLE[kind])
    if kind.startswith("Cluster"):
        own |= set(TABLE[SHARED])

    assert set(leaves(schema, part)) <= own


@pytest.mark.parametrize("plural", KINDS)
def test_every_column_has_a_row(plural: str) -> None:
    kind = crd(plural)["spec"]["names"]["kind"]
    columns = [column["name"] for column in version(plural)["additionalPrinterColumns"]]

    assert columns == list(TABLE[f"{kind} columns"])


def test_every_annotation_and_label_has_a_row() -> None:
    found = {
        node.value
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if KEY.fullmatch(node.value)
    }

    assert found == {
        name for group in ("annotations", "labels") for name in TABLE[group] if KEY.fullmatch(name)
    }


@pytest.mark.parametrize("reasons", ["core/status.py", "core/jobs/status.py"])
def test_every_reason_has_a_row(reasons: str) -> None:
    """The reasons that KEDA has, which are the constants of these files."""
    kind = "ScaledJob" if "jobs" in reasons else "ScaledObject"
    tree = ast.parse((SOURCES / reasons).read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    known = {row.split("/")[1] for row in TABLE[f"{kind} conditions"]}

    found = {text for text in texts if isinstance(text, str) and REASON.fullmatch(text)}
    assert len(found) >= 5
    assert found <= known


REASON = re.compile(
    r"(?:Scale[a-z]*|Scaled(?:Object|Job)|Trigger|PartialTrigger|Error|Fallback|NoFallback|KEDAJob"
    r"|Unknown)[A-Z][A-Za-z]+"
)


@pytest.mark.parametrize(("group", "name"), ROWS, ids=[f"{g} {n}" for g, n in ROWS])
def test_what_a_row_names_is_there(group: str, name: str) -> None:
    row = TABLE[group][name]

    assert row["tests"]
    for test in row["tests"]:
        file, _, function = test.partition("::")
        assert function in functions(file), test
    assert "code" not in row or (SOURCES / row["code"]).is_file()


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((HERE / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))
