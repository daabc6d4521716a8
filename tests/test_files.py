"""Manifests are read with their place; what cannot be read is named by its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tandem import files
from tandem.documents import documents_of
from tandem.errors import BadInput

POD = "kind: Pod\nmetadata: {name: a}\n"


def test_documents_of_a_folder_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(f"{POD}---\nkind: Node\nmetadata: {{name: n}}\n---\n")
    (tmp_path / "a.json").write_text('{"kind": "Secret"}')
    (tmp_path / "notes.txt").write_text("not a manifest")

    found = files.read([tmp_path])

    assert [(Path(d.where.file).name, d.where.document, d.body["kind"]) for d in found] == [
        ("a.json", 1, "Secret"),
        ("b.yaml", 1, "Pod"),
        ("b.yaml", 2, "Node"),
    ]
    assert str(found[2].where).endswith("b.yaml, document 2")


def test_the_items_of_a_list_are_documents(tmp_path: Path) -> None:
    path = tmp_path / "l.yaml"
    path.write_text("kind: List\nitems: [{kind: Pod}, {kind: Node}]\n")

    assert [d.body["kind"] for d in files.read([path])] == ["Pod", "Node"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: [1", r"f\.yaml, document 1: not YAML: .* in line 1", id="no YAML"),
        pytest.param("- 1", r"f\.yaml, document 1: found a list; would do: an object", id="a list"),
        pytest.param("a: 1", r"f\.yaml, document 1: kind: found nothing; would do", id="no kind"),
        pytest.param("kind: List\nitems: 5", r"List: items: found 5; would do: a list", id="items"),
        pytest.param("", r"f\.yaml: no object in it; would do: a manifest", id="empty"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text)

    with pytest.raises(BadInput, match=problem):
        files.read([path])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.yaml: no such file"):
        files.read([tmp_path / "gone.yaml"])


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BadInput, match="not text"):
        files.read([tmp_path / "f.yaml"])


def test_all_faults_at_once_and_what_comes_before_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{POD}---\n7\n---\n{POD}---\na: [")
    gone = tmp_path / "gone.yaml"

    found = list(files.scan([tmp_path, gone]))

    assert [isinstance(each, files.Document) for each in found] == [True, False, True, False, False]
    with pytest.raises(BadInput, match=r"document 2: found 7; .*document 4: not YAML: .*gone"):
        files.read([tmp_path, gone])


def test_dates_are_text_as_in_json(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("kind: Pod\nmetadata: {name: a, creationTimestamp: 2026-01-02T03:04:05Z}\n")

    assert files.read([path])[0].body["metadata"]["creationTimestamp"] == "2026-01-02T03:04:05Z"


def test_a_folder_with_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no object in it; would do: a manifest"):
        files.read([tmp_path])


def test_the_items_of_a_typed_list_have_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "l.yaml"
    path.write_text("apiVersion: v1\nkind: PodList\nitems: [{metadata: {name: a}}]\n")

    assert files.read([path])[0].body["kind"] == "Pod"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[" * 20_000, "not YAML: nested too deeply", id="brackets"),
        pytest.param("&a {kind: List, items: [*a]}", "not YAML: an alias holds itself", id="alias"),
    ],
)
def test_what_has_no_end_is_told_and_no_crash(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text)

    with pytest.raises(BadInput, match=rf"f\.yaml, document 1: {problem}"):
        files.read([path])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"kind": "Pod", "metadata": {"name": "a", "generation": 2}}', id="JSON"),
        pytest.param("kind: Pod\nmetadata: {name: a, generation: 2}", id="plain YAML"),
        pytest.param("[[" + "[" * 200 + "]" * 202 + "\n---\nkind: Pod", id="deep, but it ends"),
        pytest.param("&a kind: Pod\nmetadata: {<<: {name: a}, generation: 0x2}", id="YAML 1.1"),
        pytest.param("\ufeffkind: Pod\nmetadata: {name: a, generation: 2}", id="byte order mark"),
    ],
)
def test_the_fast_way_and_the_careful_way_read_the_same(text: str) -> None:
    assert list(documents_of(text)) == list(yaml.load_all(text, yaml.SafeLoader))


def test_an_unknown_alias_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("kind: Pod\nmetadata: *nobody\n")

    with pytest.raises(BadInput, match=r"not YAML: found undefined alias.* in line 2"):
        files.read([path])


@pytest.mark.parametrize("items", ["[]", "null"])
def test_an_empty_list_is_nothing_and_no_fault(tmp_path: Path, items: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(f"kind: List\nitems: {items}\n")

    assert files.read([path]) == []
