"""Which objects there are: of several under one name the first in a file counts, then a cluster's.

Here the objects get what everything later relies on: a name, and a namespace where their kind has
one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from kube.client import Json
from tandem.files import Document, Found, InputFault, Where
from tandem.plan.kinds import KINDS, Key, is_read
from tandem.plan.world import Note, name_of

DEFAULT_NAMESPACE = "default"
NO_NAME = "metadata.name: found nothing; would do: a name"


@dataclass(slots=True)
class Inputs:
    """The objects by their key, and what was no object of use."""

    documents: dict[Key, Document] = field(default_factory=dict)
    faults: list[InputFault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def joined(self, live: Iterable[Document]) -> Inputs:
        """With the objects of a cluster, where no file has the same one."""
        there = {key_of(each.body): each for each in live}
        return Inputs({**there, **self.documents}, self.faults, self.notes)


def gather(found: Iterable[Found], *, namespace: str = DEFAULT_NAMESPACE) -> Inputs:
    """All objects of files that planning reads.

    Args:
        found: in their order.
        namespace: of objects in files that name none.
    """
    inputs = Inputs()
    skipped: dict[str, list[Document]] = {}
    made: Counter[tuple[str, str]] = Counter()
    for each in found:
        if isinstance(each, InputFault):
            inputs.faults.append(each)
        elif is_read(each.body):
            _add(_placed(each, namespace, made), inputs)
        else:
            skipped.setdefault(each.where.file, []).append(each)
    inputs.notes += map(_skip_note, skipped.values())
    return inputs


def key_of(body: Json) -> Key:
    meta = body["metadata"]
    return Key(str(body["kind"]), str(meta.get("namespace") or ""), str(meta["name"]))


def _placed(document: Document, namespace: str, made: Counter[tuple[str, str]]) -> Document:
    """With a namespace and, where only the beginning of a name is given, with a name."""
    body = document.body
    meta = dict(body.get("metadata") or {})
    kind = str(body["kind"])
    if KINDS[kind].namespaced:
        meta["namespace"] = meta.get("namespace") or namespace
    else:
        meta.pop("namespace", None)
    prefix = meta.get("generateName")
    if not meta.get("name") and prefix and isinstance(prefix, str):
        made[kind, prefix] += 1
        meta["name"] = f"{prefix}{made[kind, prefix]}"
    return Document(document.where, body | {"metadata": meta})


def _add(document: Document, inputs: Inputs) -> None:
    if not document.body["metadata"].get("name"):
        inputs.faults.append(InputFault(document.where, f"{document.body['kind']}: {NO_NAME}"))
        return
    key = key_of(document.body)
    first = inputs.documents.setdefault(key, document)
    if first is not document:
        message = f"{key} is there twice, first in {first.where}; would do: one of them"
        inputs.faults.append(InputFault(document.where, message))


def _skip_note(documents: list[Document]) -> Note:
    """About the documents of one file."""
    first = documents[0]
    if len(documents) == 1:
        return Note(first.where, f"{name_of(first.body)} is not used in planning; skipped")
    kinds = Counter(str(each.body["kind"]) for each in documents)
    names = [
        f"{kinds[kind]} of kind {kind}" if kinds[kind] > 1 else name_of(each.body)
        for kind, each in {str(each.body["kind"]): each for each in documents}.items()
    ]
    return Note(Where(first.where.file), f"{', '.join(names)} are not used in planning; skipped")
