"""Manifests from files: every document with the place it came from, and what cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kube.client import Json
from tandem.documents import NotYaml, documents_of
from tandem.errors import BadInput

SUFFIXES = {".yaml", ".yml", ".json"}
MOST_NESTED = 8  # Lists within Lists
WANTED = "would do: an object with apiVersion, kind and metadata"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A document in a file, counted from 1; 0 is the file itself."""

    file: str
    document: int = 0

    def __str__(self) -> str:
        return f"{self.file}, document {self.document}" if self.document else self.file


@dataclass(frozen=True, slots=True, order=True)
class InputFault:
    where: Where
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file."""

    where: Where
    body: Json


Found = Document | InputFault


def read(paths: Sequence[Path]) -> list[Document]:
    """All objects of *paths*.

    Raises:
        BadInput: something in them cannot be read; all of it is in the message.
    """
    found = list(scan(paths))
    faults = [str(each) for each in found if isinstance(each, InputFault)]
    if faults:
        raise BadInput("; ".join(faults))
    return [each for each in found if isinstance(each, Document)]


def scan(paths: Iterable[Path]) -> Iterator[Found]:
    """All objects of *paths* and all faults, in their order; the items of a List one by one.

    Args:
        paths: files, folders of `*.yaml`, `*.yml` and `*.json`, or "-" for standard input.
    """
    for path in paths:
        found = False
        for file in _files(path):
            found |= yield from _documents(file)
        if not found:
            yield InputFault(Where(str(path)), "no object in it; would do: a manifest")


def _files(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
    return [path]


def _documents(path: Path) -> Generator[Found, None, bool]:
    """Everything before the first fault of the syntax, then that; whether there was anything."""
    name, number, found = str(path), 0, False
    try:
        text = sys.stdin.read() if name == "-" else path.read_text()
    except OSError as error:
        yield InputFault(Where(name), (error.strerror or str(error)).lower())
        return True
    except UnicodeDecodeError as error:
        yield InputFault(Where(name), f"not text: {error.reason}")
        return True
    try:
        for number, body in enumerate(documents_of(text), start=1):
            found |= body is not None
            yield from _objects(body, Where(name, number))
    except NotYaml as error:
        yield InputFault(Where(name, number + 1), f"not YAML: {error}")
        found = True
    return found


def _objects(body: object, where: Where, depth: int = 0) -> Iterator[Found]:
    if body is None:
        return
    if depth > MOST_NESTED:  # an alias can put a List into itself
        yield InputFault(where, f"Lists within Lists without end; {WANTED}")
        return
    if not isinstance(body, dict):
        yield InputFault(where, f"found {_shown(body)}; {WANTED}")
    elif not isinstance(body.get("kind"), str):
        yield InputFault(where, f"kind: found {_shown(body.get('kind'))}; {WANTED}")
    elif body["kind"].endswith("List") and ("items" in body or body["kind"] == "List"):
        yield from _items(body, where, depth)
    elif not isinstance(body.get("metadata", {}), dict):
        found = _shown(body["metadata"])
        yield InputFault(where, f"{body['kind']}: metadata: found {found}; would do: an object")
    else:
        yield Document(where, body)


def _items(body: Json, where: Where, depth: int) -> Iterator[Found]:
    items = body.get("items")
    if items is not None and not isinstance(items, list):
        found = _shown(items)
        yield InputFault(where, f"{body['kind']}: items: found {found}; would do: a list")
        return
    for item in items or ():
        yield from _objects(_typed(item, body), where, depth + 1)


def _typed(item: object, body: Json) -> object:
    """An item of a PodList need not say that it is a Pod."""
    kind = str(body["kind"]).removesuffix("List")
    if not kind or not isinstance(item, dict) or "kind" in item:
        return item
    return {"apiVersion": body.get("apiVersion", ""), "kind": kind} | item


def _shown(value: object) -> str:
    """What was found instead of an object or a text, in few words.

    >>> _shown(None), _shown([1]), _shown("just words")
    ('nothing', 'a list', "'just words'")
    """
    if value is None:
        return "nothing"
    names: dict[type, str] = {list: "a list", dict: "an object"}
    return names.get(type(value)) or repr(value)[:40]
