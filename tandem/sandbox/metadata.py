"""What the server itself writes into `metadata`, and what it refuses there.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tandem.sandbox.kinds import Kind
from tandem.sandbox.state import State
from tandem.sandbox.status import Cause, Json, forbidden_field, invalid_value, required

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_ANNOTATIONS_LIMIT = 256 * 1024
_LABEL_LIMIT = 63

_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    f"for validation is '{_SUBDOMAIN}')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    f"for validation is '{_LABEL}')"
)
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_DNS_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    f"regex used for validation is '{_DNS_1035}')"
)
_NAME_PART_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_QUALIFIED}')"
)
_LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    f"'12345', regex used for validation is '{_LABEL_VALUE}')"
)
_STANDARD_FINALIZERS = {"orphan", "foregroundDeletion", "kubernetes"}
_LABEL_NAMED = {"namespaces", "resourcequotas"}
_DNS_1035_NAMED: set[str] = set()
_PATH_NAMED = {"rbac.authorization.k8s.io"}
_KEPT = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
)


def fill_new(state: State, metadata: Json) -> None:
    """Give a new object its name, uid and age; drop what a client cannot set."""
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"):
        metadata.pop(name, None)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"][:58] + state.new_suffix()
    metadata["uid"] = state.new_uid()
    metadata["creationTimestamp"] = state.stamp()


def keep_old(metadata: Json, old: Json) -> None:
    """Put back what an update cannot change."""
    for name in _KEPT:
        if name in old:
            metadata[name] = old[name]
        else:
            metadata.pop(name, None)
    metadata.pop("selfLink", None)


def drop_empty(metadata: Json) -> None:
    """Leave out empty lists and maps, as upstream does when it writes an object."""
    for name in ("labels", "annotations", "finalizers", "ownerReferences", "managedFields"):
        if name in metadata and not metadata[name]:
            del metadata[name]


def faults(kind: Kind, metadata: Json, old: Json | None) -> Iterator[Cause]:
    if old is None:
        yield from _name_faults(kind, metadata)
    yield from _label_faults(metadata.get("labels") or {}, "metadata.labels")
    yield from _annotation_faults(metadata.get("annotations") or {})
    yield from _owner_faults(metadata.get("ownerReferences") or [])
    yield from _finalizer_faults(kind, metadata, old)


def _name_faults(kind: Kind, metadata: Json) -> Iterator[Cause]:
    name = metadata.get("name", "")
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    pattern, rule, limit = _name_rule(kind)
    if pattern and not re.fullmatch(pattern, name):
        yield invalid_value("metadata.name", name, rule)
    if len(name) > limit:
        yield invalid_value("metadata.name", name, f"must be no more than {limit} bytes")


def _name_rule(kind: Kind) -> tuple[str, str, int]:
    if kind.group in _PATH_NAMED:
        return "", "", 253
    if kind.qualified in _LABEL_NAMED or (kind.plural == "services" and not kind.group):
        return _LABEL, _LABEL_RULE, 63
    return _SUBDOMAIN, _SUBDOMAIN_RULE, 253


def _label_faults(labels: Json, path: str) -> Iterator[Cause]:
    for key, value in labels.items():
        yield from _key_faults(key, path)
        if not re.fullmatch(_LABEL_VALUE, value):
            yield invalid_value(path, value, _LABEL_VALUE_RULE)
        if len(value) > _LABEL_LIMIT:
            yield invalid_value(path, value, "must be no more than 63 bytes")


def _key_faults(key: str, path: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not re.fullmatch(_SUBDOMAIN, prefix):
        yield invalid_value(path, key, f"prefix part {_SUBDOMAIN_RULE}")
    if not re.fullmatch(_QUALIFIED, name):
        yield invalid_value(path, key, _NAME_PART_RULE)
    elif len(name) > _LABEL_LIMIT:
        yield invalid_value(path, key, "name part must be no more than 63 bytes")


def _annotation_faults(annotations: Json) -> Iterator[Cause]:
    path = "metadata.annotations"
    for key in annotations:
        yield from _key_faults(key.lower(), path)
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        message = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        yield Cause("FieldValueTooLong", message, path)


def _qualified_faults(finalizer: str, path: str, *, plain_ok: bool) -> Iterator[Cause]:
    if "/" not in finalizer and not plain_ok:
        rule = "name is neither a standard finalizer name nor is it fully qualified"
        yield invalid_value(path, finalizer, rule)
    else:
        yield from _key_faults(finalizer, path)


def _owner_faults(owners: Iterable[Json]) -> Iterator[Cause]:
    controllers = 0
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield invalid_value(f"{path}.{name}", "", "must not be empty")
        controllers += bool(owner.get("controller"))
    if controllers > 1:
        yield invalid_value(
            "metadata.ownerReferences", owners,
            "Only one reference can have Controller set to true.",
        )  # fmt: skip


def _finalizer_faults(kind: Kind, metadata: Json, old: Json | None) -> Iterator[Cause]:
    for index, each in enumerate(metadata.get("finalizers") or []):
        plain_ok = kind.custom or kind.group == "apiextensions.k8s.io"
        if each not in _STANDARD_FINALIZERS:
            yield from _qualified_faults(each, f"metadata.finalizers[{index}]", plain_ok=plain_ok)
    if old is None or "deletionTimestamp" not in old:
        return
    known = old.get("finalizers") or []
    new = [each for each in metadata.get("finalizers") or [] if each not in known]
    if new:
        found = "{" + ", ".join(f'"{each}"' for each in new) + "}"
        yield forbidden_field(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{found}",
        )
