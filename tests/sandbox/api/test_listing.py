"""Pages of a list make up one snapshot, whatever is written between them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.api.calls import MAPS, Calls, config_map, names

NAMES = [f"m{number}" for number in range(8)]


def make(calls: Calls, wanted: list[str]) -> None:
    for name in wanted:
        calls.ok("POST", MAPS, config_map(name))


@given(
    st.lists(st.sampled_from(NAMES), unique=True),
    st.integers(1, 5),
    st.lists(st.sampled_from(NAMES), max_size=8),
)
@settings(max_examples=50, deadline=None)
def test_pages_are_exactly_the_first_snapshot(
    there: list[str], limit: int, disturbed: list[str]
) -> None:
    calls = Calls()
    make(calls, there)
    query = {"limit": str(limit)}
    page = calls.ok("GET", MAPS, **query)
    found, version = names(page), page["metadata"]["resourceVersion"]

    while page["metadata"].get("continue"):
        if disturbed:
            _toggle(calls, disturbed.pop())
        page = calls.ok("GET", MAPS, **query, **{"continue": page["metadata"]["continue"]})
        assert page["metadata"]["resourceVersion"] == version
        found += names(page)

    assert found == sorted(there)


def _toggle(calls: Calls, name: str) -> None:
    if calls.ask("DELETE", f"{MAPS}/{name}")[0] == 404:
        calls.ok("POST", MAPS, config_map(name))


def test_a_token_older_than_the_history_is_410_and_offers_to_go_on() -> None:
    calls = Calls(window=2)
    make(calls, NAMES)
    token = calls.ok("GET", MAPS, limit="3")["metadata"]["continue"]
    for number in range(10):
        calls.ok("PUT", f"{MAPS}/m0", config_map("m0", k=str(number)))

    body = calls.refused("GET", MAPS, **{"limit": "3", "continue": token})
    rest = calls.ok("GET", MAPS, **{"continue": body["metadata"]["continue"]})

    assert (body["code"], body["reason"]) == (410, "Expired")
    assert names(rest) == NAMES[3:]


def test_a_list_counts_what_remains() -> None:
    calls = Calls()
    make(calls, NAMES)

    page = calls.ok("GET", MAPS, limit="3")

    assert page["metadata"]["remainingItemCount"] == 5


def test_a_namespace_ends_where_the_next_begins() -> None:
    calls = Calls()
    for namespace in ("default-b", "defaul"):
        calls.ok("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        calls.ok("POST", f"/api/v1/namespaces/{namespace}/configmaps", config_map("other"))
    make(calls, ["mine"])

    assert names(calls.ok("GET", MAPS)) == ["mine"]
