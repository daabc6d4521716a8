"""Rules of each trigger's own type, as far as they can be judged without its credentials. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from eventscaler.core.faults import Fault, Severity
from eventscaler.decode import (
    Authentication,
    AuthRef,
    Scalable,
    TriggerBody,
    spec_of,
    translated,
)
from scalers._grants import ClientCredentials, Grant
from scalers._params import FROM_ENV, slots_of
from scalers.base import Secret, TriggerFaults, UnknownTrigger, load, parse


@dataclass(frozen=True, slots=True)
class Known:
    """What is at hand of the credentials that triggers refer to.

    Attributes:
        authentications: by namespace ("" for the cluster kind) and how triggers refer to them.
        data: the texts of Secrets and ConfigMaps, by namespace, kind and name.
    """

    authentications: Mapping[tuple[str, AuthRef], Authentication] = field(default_factory=dict)
    data: Mapping[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)

    def authentication(self, ref: AuthRef | None, namespace: str) -> Authentication | None:
        if ref is None:
            return None
        return self.authentications.get((namespace, ref)) or self.authentications.get(("", ref))

    def values(self, found: Authentication) -> Mapping[str, Secret]:
        """The parameters of *found* whose values are at hand."""
        refs = [("ConfigMap", ref) for ref in found.config_maps]
        refs += [("Secret", ref) for ref in found.secrets]
        return {
            ref.parameter: Secret(texts[ref.key])
            for kind, ref in refs
            if ref.key in (texts := self.data.get((found.namespace, kind, ref.name), {}))
        }


NOTHING = Known()


def judge_triggers(order: Scalable, known: Known = NOTHING, *, strict: bool) -> list[Fault]:
    """What is wrong with the triggers of *order*; *strict* refuses keys that nobody reads."""
    return [
        fault for trigger in order.triggers for fault in _one(order, trigger, known, strict=strict)
    ]


def _one(order: Scalable, trigger: TriggerBody, known: Known, *, strict: bool) -> Iterable[Fault]:
    found = known.authentication(trigger.auth, order.namespace)
    values = known.values(found) if found else {}
    identity = found.identity if found else None
    try:
        grant = _grant(found)
        ready = parse(spec_of(order, trigger, values, {}, identity, grant=grant, strict=strict))
    except TriggerFaults as wrong:
        elsewhere = _elsewhere(trigger, found) - values.keys()
        told = elsewhere - trigger.metadata.keys()
        yield from (_judged(fault, elsewhere, told) for fault in translated(wrong.faults))
    else:
        yield from translated(ready.warnings)
    yield from _missing_auth(trigger, found)


def _grant(found: Authentication | None) -> Grant | None:
    """In place of the token that `oauth2` will give; nobody asks it for one here."""
    if found is None or found.oauth2 is None:
        return None
    given = found.oauth2
    return ClientCredentials(
        token_url=given.token_url, client_id=given.client_id, client_secret=Secret("")
    )


def _judged(fault: Fault, elsewhere: Set[str], told: Set[str]) -> Fault:
    """*fault*, as a note when what it misses may come from a place that is not at hand.

    Of these, *told* are those that the trigger does not give itself.
    """
    key = fault.path.rpartition(".metadata.")[2]
    unseen = key in elsewhere or key.endswith(FROM_ENV)
    if not unseen and not (elsewhere and fault.path.endswith(".metadata")):
        return fault
    borrowed = [f"'{each}'" for each in sorted(told) if f"'{each}'" in fault.want]
    text = f"{' and '.join(borrowed)}: not at hand" if borrowed else fault.want
    return Fault(fault.path, "", f"{text}; not checked", Severity.NOTE)


def _elsewhere(trigger: TriggerBody, found: Authentication | None) -> Set[str]:
    """The keys that the trigger's authentication yields, or may yield when it is not given."""
    if trigger.auth is None:
        return frozenset()
    if found is not None and not found.is_open:
        return frozenset(found.parameters)
    try:
        slots = slots_of(load(trigger.type).meta)
    except UnknownTrigger:
        return frozenset()
    return frozenset(slot.param.key for slot in slots if "a" in slot.param.where)


def _missing_auth(trigger: TriggerBody, found: Authentication | None) -> list[Fault]:
    if trigger.auth is None or found is not None:
        return []
    path = f"spec.triggers[{trigger.index}].authenticationRef"
    text = f"{trigger.auth.kind} {trigger.auth.name} is not at hand; not checked"
    return [Fault(path, "", text, Severity.NOTE)]
