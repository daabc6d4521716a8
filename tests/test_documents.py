"""Texts that are written to hurt their reader cost no more than their length."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.documents import NotYaml, documents_of

TEN = range(10)


def laughs(last: str) -> str:
    """Nine lines that stand for a thousand million values."""
    lines = [f"a0: &a0 [{','.join('x' for _ in TEN)}]"]
    lines += [f"a{i}: &a{i} [{','.join(f'*a{i - 1}' for _ in TEN)}]" for i in range(1, 9)]
    return "\n".join([*lines, last])


def merges() -> str:
    lines = [f"m0: &m0 {{{', '.join(f'k{i}: 1' for i in TEN)}}}"]
    for i in range(1, 9):
        lines += [f"m{i}: &m{i}", f"  <<: [{','.join(f'*m{i - 1}' for _ in TEN)}]"]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(laughs("b: *a8"), "aliases stand for more than 100000 values", id="aliases"),
        pytest.param(merges(), "'<<' brings more than 100000 entries in line", id="merges"),
        pytest.param("a: &a [*a]", "an alias holds itself", id="a list in itself"),
        pytest.param("a: &a {b: {c: *a}}", "an alias holds itself", id="a map in itself"),
        pytest.param("a: &a {<<: *a}", "nested too deeply", id="a map merged into itself"),
        pytest.param("[" * 5000 + "]" * 5000, "nested too deeply", id="depth"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply", id="JSON"),
        pytest.param("a: " + "9" * 5000, "Exceeds the limit", id="a long number"),
        pytest.param("a: !!python/object/apply:os.getpid []", "could not determine", id="code"),
    ],
)
def test_it_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotYaml, match=why):
        list(documents_of(text))


def test_honest_aliases_are_read() -> None:
    text = "rules: &r [{a: 1}]\nx: *r\ny: [*r, *r]\nz: {<<: {b: 2}, c: 3}"

    assert list(documents_of(text)) == [
        {
            "rules": [{"a": 1}],
            "x": [{"a": 1}],
            "y": [[{"a": 1}], [{"a": 1}]],
            "z": {"b": 2, "c": 3},
        }
    ]


def test_what_comes_before_the_fault_is_read() -> None:
    found = documents_of("a: 1\n---\n" + laughs("b: *a8"))

    assert next(found) == {"a": 1}
    with pytest.raises(NotYaml):
        next(found)


YAML = st.text(alphabet="ab01-:&*<{}[],|>'\"!?#% \n\t", max_size=60)


@given(YAML)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(NotYaml):
        list(documents_of(text))
