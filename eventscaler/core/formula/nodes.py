"""The expressions of a formula: each can be checked, and evaluated.

Pure. Source: https://expr-lang.org/docs/language-definition
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from eventscaler.core.formula.errors import LONGEST_NAME, FormulaError, KindError, shown
from eventscaler.core.formula.functions import FUNCTIONS, Function, Site
from eventscaler.core.formula.kinds import Kind, Scalar, Type, Value, kind_of, lists
from eventscaler.core.formula.operators import LOGIC, Operand, apply
from eventscaler.core.formula.results import BOOL, require, result
from eventscaler.core.formula.run import Run, Scope, reference, sized, truncated, whole


@dataclass(frozen=True, slots=True)
class Node:
    """Attributes: at: where, in characters; height: expressions within it, itself included."""

    at: int
    height: int

    def check(self, scope: Scope) -> Type:
        raise NotImplementedError

    def value(self, run: Run) -> Value:
        raise NotImplementedError

    def operand(self, run: Run) -> Operand:
        """The value, and the trigger if it is nothing but a reading."""
        return Operand(self.value(run))


@dataclass(frozen=True, slots=True)
class Literal(Node):
    constant: Scalar

    def check(self, scope: Scope) -> Type:  # noqa: ARG002  # it names nothing
        return Type(kind_of(self.constant))

    def value(self, run: Run) -> Value:
        run.step()
        return self.constant


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable or a trigger; `outer` is a trigger in any case, written $env["name"]."""

    name: str
    outer: bool = False

    def check(self, scope: Scope) -> Type:
        if not self.outer and self.name in scope.variables:
            return scope.variables[self.name]
        if self.name not in scope.triggers:
            raise FormulaError(f"{shown(self.name)} is not a trigger{self._hint(scope)}", self.at)
        scope.used.add(self.name)
        return Type(Kind.FLOAT | Kind.NIL)

    def value(self, run: Run) -> Value:
        run.step()
        if not self.outer and self.name in run.variables:
            return run.variables[self.name]
        return run.reading(self.name, self.at)

    def operand(self, run: Run) -> Operand:
        variable = not self.outer and self.name in run.variables
        return Operand(self.value(run), "" if variable else self.name)

    def _hint(self, scope: Scope) -> str:
        if self.name in scope.functions:
            return f" but a function: {self.name}(...)"
        known = sorted({*scope.triggers, *scope.variables})
        dashed = [name for name in known if name.startswith(f"{self.name}-")]
        near = dashed or get_close_matches(self.name[:LONGEST_NAME], known, 1)
        if near:
            return f"; did you mean {reference(near[0])}?"
        return f"; named triggers: {', '.join(map(reference, known)) or 'none'}"


@dataclass(frozen=True, slots=True)
class Unary(Node):
    sign: str
    inner: Node

    def check(self, scope: Scope) -> Type:
        want = Kind.NUMBER if self.sign in "+-" else Kind.BOOL
        found = self.inner.check(scope)
        require(f"'{self.sign}'", want, found, self.at)
        return Type(found.kinds & want)

    def value(self, run: Run) -> Value:
        run.step()
        given = self.inner.operand(run)
        what = f"'{self.sign}'"
        if self.sign not in "+-":
            return not run.truth(what, given.value, self.at, given.name)
        number = run.number(what, given.value, self.at, given.name)
        if self.sign == "+":
            return number
        return whole(-number, self.at) if isinstance(number, int) else -number


@dataclass(frozen=True, slots=True)
class Link:
    """An operator and what is to the right of it."""

    sign: str
    right: Node
    at: int

    def check(self, left: Type, scope: Scope) -> Type:
        return result(self.sign, left, self.right.check(scope), self.at)

    def value(self, left: Operand, run: Run) -> Value:
        run.step()
        if self.sign == "??":
            return self.right.value(run) if left.value is None else left.value
        if self.sign in LOGIC:
            what = f"'{self.sign}'"
            if run.truth(what, left.value, self.at, left.name) is not LOGIC[self.sign]:
                return left.value
            right = self.right.operand(run)
            return run.truth(what, right.value, self.at, right.name)
        return apply(self.sign, left, self.right.operand(run), run, self.at)


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """`first` with operators applied one after the other: any number, without getting deeper."""

    first: Node
    links: tuple[Link, ...]

    def check(self, scope: Scope) -> Type:
        left = self.first.check(scope)
        for link in self.links:
            left = link.check(left, scope)
        return left

    def value(self, run: Run) -> Value:
        left = self.first.operand(run)
        for link in self.links:
            left = Operand(link.value(left, run))
        return left.value


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`1 < a <= 5`: each neighbour with the next, up to the first that is false."""

    first: Node
    links: tuple[Link, ...]

    def check(self, scope: Scope) -> Type:
        left = self.first.check(scope)
        for link in self.links:
            right = link.right.check(scope)
            result(link.sign, left, right, link.at)
            left = right
        return BOOL

    def value(self, run: Run) -> Value:
        left = self.first.operand(run)
        for link in self.links:
            run.step()
            right = link.right.operand(run)
            if not apply(link.sign, left, right, run, link.at):
                return False
            left = right
        return True


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    condition: Node
    then: Node
    otherwise: Node

    def check(self, scope: Scope) -> Type:
        require("a condition", Kind.BOOL, self.condition.check(scope), self.condition.at)
        return self.then.check(scope) | self.otherwise.check(scope)

    def value(self, run: Run) -> Value:
        run.step()
        given = self.condition.operand(run)
        truth = run.truth("a condition", given.value, self.condition.at, given.name)
        return (self.then if truth else self.otherwise).value(run)


@dataclass(frozen=True, slots=True)
class Array(Node):
    members: tuple[Node, ...]

    def check(self, scope: Scope) -> Type:
        items = Kind.NONE
        for member in self.members:
            found = member.check(scope)
            if not found.may_be(Kind.SCALAR):
                raise KindError("a list cannot hold a list", member.at)
            items |= found.kinds & Kind.SCALAR
        return lists(items)

    def value(self, run: Run) -> Value:
        run.step(1 + len(self.members))
        items = tuple(run.scalar(member.value(run), member.at) for member in self.members)
        return sized(items, self.at)


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`list[0]`, `list[-1]`: counted from the end when negative."""

    inner: Node
    place: Node

    def check(self, scope: Scope) -> Type:
        found = self.inner.check(scope)
        require("'[...]'", Kind.LIST, found, self.at)
        require("a place in a list", Kind.NUMBER, self.place.check(scope), self.place.at)
        return Type(found.items)

    def value(self, run: Run) -> Value:
        run.step()
        given = self.inner.operand(run)
        items = run.items("'[...]'", given.value, self.at, given.name)
        place = _place(self.place, run)
        if not -len(items) <= place < len(items):
            raise FormulaError(f"a list of {len(items)} has no item {place}", self.place.at)
        return items[place]


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """`list[1:3]`, `list[:2]`: from one place up to before the other, as far as there are items."""

    inner: Node
    start: Node | None
    stop: Node | None

    def check(self, scope: Scope) -> Type:
        found = self.inner.check(scope)
        require("'[:]'", Kind.LIST, found, self.at)
        for bound in (self.start, self.stop):
            if bound is not None:
                require("a place in a list", Kind.NUMBER, bound.check(scope), bound.at)
        return lists(found.items)

    def value(self, run: Run) -> Value:
        given = self.inner.operand(run)
        items = run.items("'[:]'", given.value, self.at, given.name)
        run.step(1 + len(items))
        start = None if self.start is None else _place(self.start, run)
        stop = None if self.stop is None else _place(self.stop, run)
        return items[start:stop]


def _place(node: Node, run: Run) -> int:
    given = node.operand(run)
    return truncated(run.number("a place in a list", given.value, node.at, given.name), node.at)


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of values."""

    name: str
    arguments: tuple[Node, ...]

    def check(self, scope: Scope) -> Type:
        function = FUNCTIONS[self.name]
        self._count(function)
        types = [argument.check(scope) for argument in self.arguments]
        for place, found in enumerate(types):
            want = function.takes[min(place, len(function.takes) - 1)]
            require(self.name, want, found, self.arguments[place].at)
        return function.gives(types)

    def value(self, run: Run) -> Value:
        run.step()
        given = [argument.operand(run) for argument in self.arguments]
        return FUNCTIONS[self.name].value(Site(self.name, self.at, run), given)

    def _count(self, function: Function) -> None:
        want, found = len(function.takes), len(self.arguments)
        if found < want or (found > want and not function.more):
            least = "at least " if function.more else ""
            raise FormulaError(
                f"{self.name} takes {least}{want} argument{'s' * (want > 1)}, found {found}",
                self.at,
            )


@dataclass(frozen=True, slots=True)
class Binding:
    """`let name = node;`; without a name, a value that nobody uses."""

    name: str
    node: Node
    at: int


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    """Bindings, then the value."""

    bindings: tuple[Binding, ...]
    last: Node

    def check(self, scope: Scope) -> Type:
        for binding in self.bindings:
            self._refuse_taken(binding, scope)
            found = binding.node.check(scope)
            if binding.name:
                scope.variables[binding.name] = found
        given = self.last.check(scope)
        for binding in self.bindings:
            scope.variables.pop(binding.name, None)
        return given

    def value(self, run: Run) -> Value:
        for binding in self.bindings:
            run.step()
            found = binding.node.value(run)
            if binding.name:
                run.variables[binding.name] = found
        return self.last.value(run)

    def _refuse_taken(self, binding: Binding, scope: Scope) -> None:
        for what, names in (
            ("a trigger", scope.triggers),
            ("a function", scope.functions),
            ("a variable", scope.variables),
        ):
            if binding.name in names:
                name = shown(binding.name)
                raise FormulaError(f"{name} is {what} already; another name would do", binding.at)
