"""Manifests from files: every document with the place it came from."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from kube.client import Json
from tandem.errors import BadInput

SUFFIXES = {".yaml", ".yml", ".json"}


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file; `number` counts from 1."""

    file: str
    number: int
    body: Json

    @property
    def place(self) -> str:
        name = self.body.get("metadata", {}).get("name", "?")
        return f"{self.file} document {self.number} ({self.body.get('kind', '?')}/{name})"


def read(paths: Sequence[Path]) -> list[Document]:
    """All objects of *paths*, with the items of a List one by one.

    Args:
        paths: files, folders of `*.yaml`, `*.yml` and `*.json`, or "-" for standard input.

    Raises:
        BadInput: a file is missing, is no YAML, or a document in it is no object.
    """
    documents: list[Document] = []
    for path in _files(paths):
        documents += _parse(str(path), _text(path))
    if not documents:
        names = ", ".join(str(path) for path in paths)
        raise BadInput(f"--file: no object in {names}; would do: a manifest in YAML or JSON")
    return documents


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES)
        else:
            yield path


def _text(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text()
    except OSError as error:
        raise BadInput(f"--file: {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"--file: {path}: is no text: {error.reason}") from error


def _parse(file: str, text: str) -> Iterable[Document]:
    try:
        bodies = [body for body in yaml.safe_load_all(text) if body is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise BadInput(f"{file}{where}: is no YAML: {problem}") from error
    for number, body in enumerate(bodies, 1):
        for found in body.get("items", [body]) if _is_list(body) else [body]:
            if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
                shown = type(found).__name__ if not isinstance(found, dict) else "no kind"
                raise BadInput(
                    f"{file} document {number}: found {shown}; would do: an object with"
                    " apiVersion, kind and metadata"
                )
            yield Document(file, number, found)


def _is_list(body: object) -> bool:
    return isinstance(body, dict) and str(body.get("kind", "")).endswith("List")
