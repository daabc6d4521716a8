"""Which values one node label may take, how two such demands combine, and sets of them.

The whole of label compatibility is one operation, ``a & b``, and one question, ``bool(a & b)``.
A missing label is a member like any other (``absent``), so ``NotIn`` and ``DoesNotExist`` need no
special case anywhere else. Bounds narrow an infinite set only: once the values are known, they
have been applied and are gone. Integers are decimal and canonical ("7", not "07", "+7" or "-0").

Pure. Source of the semantics:
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

NODE_POOL = "karpenter.sh/nodepool"
CAPACITY_TYPE = "karpenter.sh/capacity-type"
REGISTERED = "karpenter.sh/registered"
INITIALIZED = "karpenter.sh/initialized"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
ARCH = "kubernetes.io/arch"
OS = "kubernetes.io/os"
HOSTNAME = "kubernetes.io/hostname"

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte")

ALIASES = {
    "failure-domain.beta.kubernetes.io/zone": ZONE,
    "failure-domain.beta.kubernetes.io/region": REGION,
    "beta.kubernetes.io/arch": ARCH,
    "beta.kubernetes.io/os": OS,
    "beta.kubernetes.io/instance-type": INSTANCE_TYPE,
    "topology.ebs.csi.aws.com/zone": ZONE,
    "karpenter.sh/provisioner-name": NODE_POOL,
}

WELL_KNOWN_PREFIXES = ("karpenter.k8s.aws/", "karpenter.kwok.sh/")
WELL_KNOWN = frozenset(
    {
        NODE_POOL,
        CAPACITY_TYPE,
        INSTANCE_TYPE,
        ZONE,
        REGION,
        ARCH,
        OS,
        HOSTNAME,
        "node.kubernetes.io/windows-build",
        "topology.k8s.aws/zone-id",
    }
)

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")  # one text for each number, so that texts can be counted
_BOUND = re.compile(r"[+-]?[0-9]+")  # as the API server reads it


def normal(key: str) -> str:
    """The stable name of a label that also has older names."""
    return ALIASES.get(key, key)


def is_well_known(key: str) -> bool:
    """Whether the cloud decides this label, so that a pool need not mention it."""
    return key in WELL_KNOWN or key.startswith(WELL_KNOWN_PREFIXES)


@dataclass(frozen=True, slots=True)
class Allowed:
    """A finite set of label values, or everything except a finite set.

    Attributes:
        values: the set, or with *complement* what is left out of everything.
        absent: whether the label may be missing.
        low, high: inclusive integer bounds; they narrow a complement only.
        min_values: how many distinct values must stay possible over a node's instance types.
    """

    values: frozenset[str] = frozenset()
    complement: bool = False
    absent: bool = False
    low: int | None = None
    high: int | None = None
    min_values: int | None = None

    @classmethod
    def one_of(cls, *values: str) -> Allowed:
        return cls(frozenset(values))

    @classmethod
    def none_of(cls, *values: str) -> Allowed:
        return cls(frozenset(values), complement=True, absent=True)

    @classmethod
    def between(cls, low: int | None, high: int | None) -> Allowed:
        return cls(complement=True, low=low, high=high)

    def __contains__(self, value: str | None) -> bool:
        """Whether the label may have *value*; None asks whether it may be missing."""
        if value is None:
            return self.absent
        if not self.complement:
            return value in self.values
        return value not in self.values and self._within(value)

    def _within(self, value: str) -> bool:
        if self.low is None and self.high is None:
            return True
        if not _INTEGER.fullmatch(value):
            return False
        number = int(value)
        above = self.low is None or number >= self.low
        return above and (self.high is None or number <= self.high)

    def __and__(self, other: Allowed) -> Allowed:
        """The values that both allow: commutative, associative, idempotent."""
        absent = self.absent and other.absent
        least = max((m for m in (self.min_values, other.min_values) if m is not None), default=None)
        if self.complement and other.complement:
            low = max((b for b in (self.low, other.low) if b is not None), default=None)
            high = min((b for b in (self.high, other.high) if b is not None), default=None)
            return Allowed(
                self.values | other.values,
                complement=True,
                absent=absent,
                low=low,
                high=high,
                min_values=least,
            )
        finite, rest = (other, self) if self.complement else (self, other)
        kept = frozenset(value for value in finite.values if value in rest)
        return Allowed(kept, absent=absent, min_values=least)

    def __bool__(self) -> bool:
        """Whether anything is allowed at all, be it only that the label is missing."""
        return self.absent or self.has_value

    @property
    def has_value(self) -> bool:
        """Whether at least one value is allowed."""
        if not self.complement:
            return bool(self.values)
        if self.low is None or self.high is None:
            return True
        inside = sum(1 for value in self.values if self._within(value))
        return self.high - self.low + 1 > inside

    @property
    def only(self) -> str | None:
        """The value, when there is exactly one and the label must be there."""
        if self.complement or self.absent or len(self.values) != 1:
            return None
        return next(iter(self.values))

    def pick(self) -> str | None:
        """One allowed value, always the same; None when none is allowed.

        >>> Allowed.one_of("b", "a").pick(), Allowed.between(3, None).pick(), ABSENT.pick()
        ('a', '3', None)
        """
        if not self.has_value:
            return None
        if not self.complement:
            return min(self.values)
        if self.low is None and self.high is None:
            return next(v for v in _names("value") if v not in self.values)
        return next(v for v in self._numbers() if v not in self.values)

    def _numbers(self) -> Iterator[str]:
        """The integers inside the bounds, from the lower one up, else from the upper one down."""
        start, step = (self.low, 1) if self.low is not None else (self.high or 0, -1)
        return (str(number) for number in count(start, step))

    def __str__(self) -> str:
        """How a person would say it: ``in (a, b)``, ``not in (a)``, ``present, at least 3``."""
        values = ", ".join(sorted(self.values))
        if not self.complement:
            text = f"in ({values})" if values else "missing" if self.absent else "in ()"
            return f"{text} or missing" if values and self.absent else text
        bounds = [f"at least {self.low}"] * (self.low is not None)
        bounds += [f"at most {self.high}"] * (self.high is not None)
        parts = [f"not in ({values})"] * bool(values) + bounds
        return ", ".join(parts) or ("anything" if self.absent else "present")


ANY = Allowed(complement=True)
ANYTHING = Allowed(complement=True, absent=True)  # the neutral element of `&`
ABSENT = Allowed(absent=True)


def _names(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One line as a manifest writes it."""

    key: str
    operator: str
    values: tuple[str, ...] = ()
    min_values: int | None = None

    def __str__(self) -> str:
        return f"{self.key} {self.operator} ({', '.join(self.values)})".removesuffix(" ()")

    def allowed(self) -> Allowed:
        """The set of values this line allows.

        Raises:
            ValueError: an unknown operator, or a bound that is not one integer.
        """
        return replace(self._set(), min_values=self.min_values)

    def _set(self) -> Allowed:
        match self.operator:
            case "In":
                return Allowed.one_of(*self.values)
            case "NotIn":
                return Allowed.none_of(*self.values)
            case "Exists":
                return ANY
            case "DoesNotExist":
                return ABSENT
            case "Gt" | "Gte":
                return Allowed.between(self._bound() + (self.operator == "Gt"), None)
            case "Lt" | "Lte":
                return Allowed.between(None, self._bound() - (self.operator == "Lt"))
            case unknown:
                raise ValueError(f"found '{unknown}'; would do: {', '.join(OPERATORS)}")

    def _bound(self) -> int:
        if len(self.values) == 1 and _BOUND.fullmatch(self.values[0]):
            return int(self.values[0])
        raise ValueError(f"{self.operator} needs exactly one integer, found {list(self.values)}")


class Requirements(Mapping[str, Allowed]):
    """Demands on several labels, one `Allowed` each; immutable and hashable.

    >>> pool = Requirements.of(Requirement(ZONE, "In", ("a", "b")))
    >>> (pool & Requirements.of(Requirement(ZONE, "NotIn", ("b",))))[ZONE].only
    'a'
    """

    __slots__ = ("_by_key", "_hash")

    def __init__(self, by_key: Mapping[str, Allowed] | None = None) -> None:
        self._by_key = {key: (by_key or {})[key] for key in sorted(by_key or {})}
        self._hash: int | None = None

    @classmethod
    def of(cls, *lines: Requirement) -> Requirements:
        """All *lines* at once; lines on one key, under any of its names, are combined."""
        out: dict[str, Allowed] = {}
        for line in lines:
            key = normal(line.key)
            out[key] = out.get(key, ANYTHING) & line.allowed()
        return cls(out)

    @classmethod
    def labels(cls, labels: Mapping[str, str]) -> Requirements:
        """Exactly these labels."""
        return cls.of(*(Requirement(key, "In", (value,)) for key, value in labels.items()))

    def __getitem__(self, key: str) -> Allowed:
        return self._by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Requirements) and self._by_key == other._by_key

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self._by_key.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"Requirements({self})"

    def __str__(self) -> str:
        return "; ".join(f"{key} {allowed}" for key, allowed in self.items())

    def __and__(self, other: Requirements) -> Requirements:
        both = dict(self)
        for key, allowed in other.items():
            both[key] = both.get(key, ANYTHING) & allowed
        return Requirements(both)

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether a node with exactly these labels meets every demand."""
        return all(labels.get(key) in allowed for key, allowed in self.items())

    def refusals(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The keys on which a node with these labels is refused."""
        return tuple(key for key, allowed in self.items() if labels.get(key) not in allowed)

    def only_keys(self, keys: Iterable[str]) -> Requirements:
        """The demands on these keys alone."""
        wanted = set(keys)
        return Requirements({key: allowed for key, allowed in self.items() if key in wanted})

    def single_values(self) -> dict[str, str]:
        """The labels that are already decided."""
        return {key: a.only for key, a in self.items() if a.only is not None}

    def lines(self) -> tuple[Requirement, ...]:
        """The demands as manifest lines, in the order of their keys."""
        return tuple(line for key, allowed in self.items() for line in _lines(key, allowed))


def _lines(key: str, allowed: Allowed) -> Iterator[Requirement]:
    values, least = tuple(sorted(allowed.values)), allowed.min_values
    if not allowed.complement:
        yield Requirement(key, "In" if values else "DoesNotExist", values, least)
        return
    if allowed.low is not None:
        yield Requirement(key, "Gte", (str(allowed.low),), least)
    if allowed.high is not None:
        yield Requirement(key, "Lte", (str(allowed.high),), least)
    if values:
        yield Requirement(key, "NotIn", values, least)
    if not allowed.absent and (values or (allowed.low is None and allowed.high is None)):
        yield Requirement(key, "Exists", (), least)


def hint(key: str, known: Iterable[str]) -> str:
    """A near miss among *known*, ready to append to a message; empty without one.

    >>> hint("teem", ["team", "zone"])
    "; did you mean 'team'?"
    """
    near = difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.7)
    return f"; did you mean '{near[0]}'?" if near and near[0] != key else ""
