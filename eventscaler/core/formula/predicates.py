"""The functions that ask something of every item of a list: `count([a, b], # > 1)`.

`#` is the item; in `map` and `reduce` `#index` is its place, in `reduce` `#acc` the value so far.

Pure. Source: https://expr-lang.org/docs/language-definition#predicate
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eventscaler.core.formula.errors import FormulaError, shown
from eventscaler.core.formula.kinds import Items, Kind, Type, Value, lists
from eventscaler.core.formula.nodes import Node
from eventscaler.core.formula.operators import calculated
from eventscaler.core.formula.results import require
from eventscaler.core.formula.run import Around, Run, Scope

OPTIONAL = ("count", "sum")  # may go without a predicate: the items themselves are asked
INDEXED = ("map", "reduce")
_WHERE = {
    "#": "is an item: it needs a predicate around it, as in count([a, b], # > 1)",
    "#index": "is known in the predicates of map and reduce only",
    "#acc": "is known in the predicate of reduce only",
}
_WANTED = {"map": Kind.SCALAR, "sum": Kind.NUMBER, "reduce": Kind.SCALAR | Kind.LIST}
_ANY = Type(Kind.SCALAR | Kind.LIST, Kind.SCALAR)


@dataclass(frozen=True, slots=True)
class Item(Node):
    """`#`, `#index` or `#acc` of the innermost predicate."""

    name: str

    def check(self, scope: Scope) -> Type:
        known = scope.predicates[-1] if scope.predicates else {}
        if self.name not in known:
            where = _WHERE.get(self.name, "is none of #, #index, #acc")
            raise FormulaError(f"{shown(self.name)} {where}", self.at)
        return known[self.name]

    def value(self, run: Run) -> Value:
        run.step()
        around = run.around[-1]
        if self.name == "#":
            return around.item
        return around.index if self.name == "#index" else around.acc


@dataclass(frozen=True, slots=True)
class Each(Node):
    """One of these functions, over a list; `initial` is reduce's only."""

    name: str
    over: Node
    predicate: Node | None
    initial: Node | None = None

    def check(self, scope: Scope) -> Type:
        found = self.over.check(scope)
        require(self.name, Kind.LIST, found, self.over.at)
        start = None if self.initial is None else self.initial.check(scope)
        given = self._predicate(found.items, scope)
        at = (self.predicate or self.over).at
        require(f"the predicate of {self.name}", _WANTED.get(self.name, Kind.BOOL), given, at)
        if self.name == "reduce":
            return _reduced(given, start)
        if self.name == "sum":
            return Type((given.kinds & Kind.NUMBER) | Kind.INT)
        if self.name in ("map", "filter"):
            return lists(given.kinds & Kind.SCALAR if self.name == "map" else found.items)
        return Type(ASKERS[self.name].gives(found.items))

    def _predicate(self, items: Kind, scope: Scope) -> Type:
        """What it gives for an item."""
        if self.predicate is None:
            return Type(items)
        known = {"#": Type(items)}
        if self.name in INDEXED:
            known["#index"] = Type(Kind.INT)
        if self.name == "reduce":
            known["#acc"] = _ANY
        scope.predicates.append(known)
        given = self.predicate.check(scope)
        scope.predicates.pop()
        return given

    def value(self, run: Run) -> Value:
        run.step()
        given = self.over.operand(run)
        items = run.items(self.name, given.value, self.over.at, given.name)
        around = Around(acc=None if self.initial is None else self.initial.value(run))
        run.around.append(around)
        found = ASKERS[self.name].value(self, items, run)
        run.around.pop()
        return found

    def result(self, place: int, items: Items, run: Run) -> Value:
        """What the predicate gives for one item."""
        run.step()
        if self.predicate is None:
            return items[place]
        around = run.around[-1]
        around.index, around.item = place, items[place]
        return self.predicate.value(run)

    def answers(
        self, items: Items, run: Run, *, backwards: bool = False
    ) -> Iterator[tuple[int, bool]]:
        """Each place, and what the predicate says of it; only as far as somebody asks."""
        places = range(len(items))
        what, at = f"the predicate of {self.name}", (self.predicate or self.over).at
        for place in reversed(places) if backwards else places:
            yield place, run.truth(what, self.result(place, items, run), at)

    def places(self, items: Items, run: Run, *, backwards: bool = False) -> Iterator[int]:
        """Where the predicate is true."""
        return (place for place, true in self.answers(items, run, backwards=backwards) if true)


def _reduced(given: Type, start: Type | None) -> Type:
    """Its value may also be the start, or an item, when the list is short."""
    return Type(given.kinds | Kind.SCALAR, given.items) if start is None else given | start


def _every(each: Each, items: Items, run: Run) -> Value:
    return all(true for _, true in each.answers(items, run))


def _some(each: Each, items: Items, run: Run) -> Value:
    return any(true for _, true in each.answers(items, run))


def _first(each: Each, items: Items, run: Run) -> int | None:
    return next(each.places(items, run), None)


def _last(each: Each, items: Items, run: Run) -> int | None:
    return next(each.places(items, run, backwards=True), None)


def _item(items: Items, place: int | None) -> Value:
    return None if place is None else items[place]


def _count(each: Each, items: Items, run: Run) -> int:
    return sum(1 for _ in each.places(items, run))


def _filter(each: Each, items: Items, run: Run) -> Value:
    return tuple(items[place] for place in each.places(items, run))


def _map(each: Each, items: Items, run: Run) -> Value:
    at = (each.predicate or each.over).at
    return tuple(run.scalar(each.result(place, items, run), at) for place in range(len(items)))


def _sum(each: Each, items: Items, run: Run) -> Value:
    at = (each.predicate or each.over).at
    total: int | float = 0
    for place in range(len(items)):
        number = run.number("the predicate of sum", each.result(place, items, run), at)
        total = calculated("+", total, number, each.at)
    return total


def _reduce(each: Each, items: Items, run: Run) -> Value:
    around, start = run.around[-1], 0
    if each.initial is None:
        if not items:
            raise FormulaError("reduce of an empty list needs a third argument", each.at)
        around.acc, start = items[0], 1
    for place in range(start, len(items)):
        around.acc = each.result(place, items, run)
    return around.acc


@dataclass(frozen=True, slots=True)
class Asker:
    """Attributes: gives: its kinds, by what the list holds; decided by `Each` for some."""

    value: Callable[[Each, Items, Run], Value]
    gives: Callable[[Kind], Kind] = lambda _: Kind.BOOL


def _place(_: Kind) -> Kind:
    return Kind.INT | Kind.NIL


ASKERS: dict[str, Asker] = {
    "all": Asker(_every),
    "any": Asker(_some),
    "none": Asker(lambda each, items, run: not _some(each, items, run)),
    "one": Asker(lambda each, items, run: _count(each, items, run) == 1),
    "count": Asker(_count, lambda _: Kind.INT),
    "find": Asker(
        lambda each, items, run: _item(items, _first(each, items, run)),
        lambda items: items | Kind.NIL,
    ),
    "findLast": Asker(
        lambda each, items, run: _item(items, _last(each, items, run)),
        lambda items: items | Kind.NIL,
    ),
    "findIndex": Asker(_first, _place),
    "findLastIndex": Asker(_last, _place),
    "filter": Asker(_filter),
    "map": Asker(_map),
    "sum": Asker(_sum),
    "reduce": Asker(_reduce),
}
