"""From tokens to expressions: operator precedence after Pratt, as expr-lang has it.

Two rules of expr-lang that surprise: `a ?? b + 1` is refused, as the two operators must not be
mixed without parentheses; and `1 < a < 5` means what it does in mathematics.

Pure. Source: https://expr-lang.org/docs/language-definition
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from eventscaler.core.formula.errors import LONGEST_NAME, MAX_DEPTH, FormulaError, shown
from eventscaler.core.formula.functions import FUNCTIONS
from eventscaler.core.formula.nodes import (
    Array,
    Binding,
    Call,
    Chain,
    Comparison,
    Conditional,
    Index,
    Link,
    Literal,
    Name,
    Node,
    Sequence,
    Slice,
    Unary,
)
from eventscaler.core.formula.operators import BINDING, COMPARISONS, TO_THE_RIGHT, UNARY
from eventscaler.core.formula.predicates import ASKERS, OPTIONAL, Each, Item
from eventscaler.core.formula.tokens import CONSTANTS, FOREIGN, Sort, Token, number

BUILTINS = (*FUNCTIONS, *ASKERS)
ENVIRONMENT = "$env"


class Parser:
    """One pass over the tokens; every method reads what it is named after."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = list(tokens)
        self._next = 0
        self._depth = 0

    def formula(self) -> Node:
        node = self.sequence()
        if self._now.sort is not Sort.END:
            raise self._unexpected("an operator or the end")
        return node

    def sequence(self) -> Node:
        """Expressions and declarations with `;` between them; the last is the value."""
        bindings: list[Binding] = []
        at = self._now.at
        while True:
            name = self._declared()
            node = self.expression()
            if not name and (not self._take(";") or self._now.sort is Sort.END):
                break
            if name:
                self._expect(";")
            bindings.append(Binding(name, node, at))
            at = self._now.at
        if not bindings:
            return node
        return Sequence(at, self._height(node, *(b.node for b in bindings)), tuple(bindings), node)

    def expression(self, loosest: int = 0) -> Node:
        """Operands and the operators between them that bind at least as tight as *loosest*."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._too_deep()
        if loosest == 0 and self._now.text in ("let", "if") and self._now.sort is Sort.SIGN:
            node = self.sequence() if self._now.text == "let" else self._if()
        else:
            node = self._operators(self._operand(), loosest)
            while loosest == 0 and self._take("?"):
                node = self._ternary(node)
        self._depth -= 1
        return node

    def _operators(self, node: Node, loosest: int) -> Node:
        links: list[Link] = []
        before = ""
        while (sign := self._operator()) and BINDING[sign] >= loosest:
            if before == "??" and sign not in ("??", "|"):
                raise self._unexpected("parentheses around one of '??' and its neighbour")
            at = self._skip(sign)
            if sign == "|" or sign in COMPARISONS:
                node, links = self._chained(node, links), []
                node = self._piped(node) if sign == "|" else self._comparison(node, sign, at)
            else:
                tighter = BINDING[sign] + (sign not in TO_THE_RIGHT)
                links.append(Link(sign, self.expression(tighter), at))
            before = sign
        return self._chained(node, links)

    def _operator(self) -> str:
        """The binary operator that comes next; "" when none does."""
        if self._now.sort is not Sort.SIGN:
            return ""
        if self._now.text == "not" and self._tokens[self._next + 1].text == "in":
            return "not in"
        return self._now.text if self._now.text in BINDING else ""

    def _skip(self, sign: str) -> int:
        at = self._now.at
        self._next += 2 if sign == "not in" else 1
        return at

    def _chained(self, node: Node, links: list[Link]) -> Node:
        if not links:
            return node
        height = self._height(node, *(link.right for link in links))
        return Chain(links[-1].at, height, node, tuple(links))

    def _piped(self, first: Node) -> Node:
        token = self._now
        if token.sort is not Sort.NAME:
            raise self._unexpected("a function after '|'")
        self._next += 1
        return self._call(token, [first])

    def _comparison(self, node: Node, sign: str, at: int) -> Node:
        links = [Link(sign, self.expression(BINDING[sign] + 1), at)]
        while self._now.sort is Sort.SIGN and (sign := self._now.text) in COMPARISONS:
            at = self._skip(sign)
            links.append(Link(sign, self.expression(BINDING[sign] + 1), at))
        return Comparison(
            at, self._height(node, *(link.right for link in links)), node, tuple(links)
        )

    def _declared(self) -> str:
        """The name in `let name =`; "" when the next expression is not declared."""
        if not self._take("let"):
            return ""
        token = self._now
        if token.sort is not Sort.NAME or token.text in CONSTANTS:
            raise self._unexpected("a name")
        self._next += 1
        self._expect("=")
        return token.text

    def _if(self) -> Node:
        """`if a {...} else if b {...} else {...}`: read flat, put together from the end."""
        cases: list[tuple[Node, Node]] = []
        while self._take("if"):
            cases.append((self.expression(), self._block()))
            self._expect("else")
        node = self._block()
        for condition, then in reversed(cases):
            height = self._height(condition, then, node)
            node = Conditional(condition.at, height, condition, then, node)
        return node

    def _block(self) -> Node:
        self._expect("{")
        node = self.sequence()
        self._expect("}")
        return node

    def _ternary(self, condition: Node) -> Node:
        then = condition
        if not self._take(":"):
            then = self.expression()
            self._expect(":")
        otherwise = self.expression()
        height = self._height(condition, then, otherwise)
        return Conditional(condition.at, height, condition, then, otherwise)

    def _operand(self) -> Node:
        token = self._now
        if token.sort is Sort.SIGN and token.text in UNARY:
            self._next += 1
            inner = self.expression(UNARY[token.text])
            return Unary(token.at, self._height(inner), token.text, inner)
        return self._indexed(self._primary(token))

    def _primary(self, token: Token) -> Node:
        if token.sort in (Sort.END, Sort.TEXT):
            raise self._unexpected("a number, a trigger or '('")
        self._next += 1
        if token.sort is Sort.NUMBER:
            return Literal(token.at, 1, number(token))
        if token.sort is Sort.ITEM:
            return Item(token.at, 1, token.text)
        if token.sort is Sort.NAME:
            return self._named(token)
        if token.text == "(":
            node = self.sequence()
            self._expect(")")
            return node
        if token.text == "[":
            members = self._listed("]")
            return Array(token.at, self._height(*members), tuple(members))
        self._next -= 1
        raise self._unexpected("a number, a trigger or '('")

    def _named(self, token: Token) -> Node:
        if token.text in CONSTANTS:
            return Literal(token.at, 1, CONSTANTS[token.text])
        if token.text == ENVIRONMENT:
            return self._environment(token)
        if self._now.text == "(":
            return self._call(token, [])
        return Name(token.at, 1, token.text)

    def _environment(self, token: Token) -> Node:
        """`$env["name"]`: the way to a trigger whose name is no identifier."""
        self._expect("[")
        key = self._now
        if key.sort is not Sort.TEXT:
            raise self._unexpected("the name of a trigger in quotes")
        self._next += 1
        self._expect("]")
        return Name(token.at, 1, key.text[1:-1], outer=True)

    def _call(self, token: Token, first: list[Node]) -> Node:
        """The arguments of a function; a pipe gives the *first*."""
        if token.text not in FUNCTIONS and token.text not in ASKERS:
            near = get_close_matches(token.text[:LONGEST_NAME], BUILTINS, 1)
            known = ", ".join(sorted(BUILTINS))
            hint = f"did you mean {near[0]}?" if near else f"there are {known}"
            raise FormulaError(f"there is no function {shown(token.text)}; {hint}", token.at)
        self._expect("(")
        if token.text in ASKERS:
            return self._each(token, first)
        given = first + self._listed(")")
        return Call(token.at, self._height(*given), token.text, tuple(given))

    def _each(self, token: Token, first: list[Node]) -> Node:
        over = first[0] if first else self.expression()
        predicate = initial = None
        if first:
            predicate = None if self._now.text == ")" else self._predicate()
        elif self._take(",") and self._now.text != ")":
            predicate = self._predicate()
        if token.text == "reduce" and self._take(",") and self._now.text != ")":
            initial = self.expression()
        self._take(",")
        self._expect(")")
        if predicate is None and token.text not in OPTIONAL:
            example = "#acc + #" if token.text == "reduce" else "# > 1"
            problem = f"{token.text} needs a predicate, as in {token.text}(list, {example})"
            raise FormulaError(problem, token.at)
        within = [node for node in (over, predicate, initial) if node is not None]
        return Each(token.at, self._height(*within), token.text, over, predicate, initial)

    def _predicate(self) -> Node:
        return self._block() if self._now.text == "{" else self.expression()

    def _listed(self, end: str) -> list[Node]:
        """Expressions with commas between them, up to *end*; a last comma is fine."""
        nodes: list[Node] = []
        while not self._take(end):
            nodes.append(self.expression())
            if not self._take(","):
                self._expect(end)
                break
        return nodes

    def _indexed(self, node: Node) -> Node:
        while self._take("["):
            node = self._bracket(node)
        return node

    def _bracket(self, node: Node) -> Node:
        start = None if self._now.text == ":" else self.expression()
        if start is not None and self._take("]"):
            return Index(node.at, self._height(node, start), node, start)
        self._expect(":")
        stop = None if self._now.text == "]" else self.expression()
        self._expect("]")
        within = [part for part in (node, start, stop) if part is not None]
        return Slice(node.at, self._height(*within), node, start, stop)

    @property
    def _now(self) -> Token:
        return self._tokens[self._next]

    def _take(self, sign: str) -> bool:
        """Go past *sign*, if it is what comes next."""
        taken = self._now.sort is Sort.SIGN and self._now.text == sign
        self._next += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected(f"'{sign}'")

    def _unexpected(self, want: str) -> FormulaError:
        token = self._now
        if token.text in (".", "?.") or (token.sort is Sort.NAME and token.text in FOREIGN):
            reason = "a formula has numbers only: no fields, no methods, no texts"
            return FormulaError(f"found {token}; {reason}", token.at)
        return FormulaError(f"found {token}, want {want}", token.at)

    def _height(self, *within: Node) -> int:
        height = 1 + max((node.height for node in within), default=0)
        if height > MAX_DEPTH:
            raise self._too_deep()
        return height

    def _too_deep(self) -> FormulaError:
        return FormulaError(f"more than {MAX_DEPTH} expressions within each other", self._now.at)
