"""Laws of the store: its history tells exactly how it came to its state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.sandbox.store import Key, Store, TooOld

TABLE = "things"
KEYS = st.sampled_from([("a", "x"), ("a", "y"), ("b", "x")])
WRITES = st.lists(st.tuples(KEYS, st.sampled_from(["put", "remove"])), max_size=40)
State = dict[Key, str]


def written(writes: list[tuple[Key, str]]) -> tuple[Store, dict[int, State]]:
    """Do *writes*; also give the state after each revision."""
    store = Store(window=1000)
    store.table(TABLE)
    states = {store.revision: shown(store)}
    for key, what in writes:
        if what == "put":
            store.put(TABLE, key, {"metadata": {"name": key[1]}})
        elif store.get(TABLE, key) is not None:
            store.remove(TABLE, key)
        states[store.revision] = shown(store)
    return store, states


def shown(store: Store) -> State:
    items = store.table(TABLE).items
    return {key: stored.obj["metadata"]["resourceVersion"] for key, stored in items.items()}


@given(WRITES)
def test_replaying_the_history_gives_the_state(writes: list[tuple[Key, str]]) -> None:
    store, states = written(writes)
    replayed: State = {}

    for change in store.table(TABLE).since(min(states)):
        if change.new is None:
            del replayed[change.key]
        else:
            replayed[change.key] = change.new.obj["metadata"]["resourceVersion"]

    assert replayed == shown(store)


@given(WRITES)
def test_every_past_state_can_be_had_again(writes: list[tuple[Key, str]]) -> None:
    store, states = written(writes)

    for revision, state in states.items():
        snapshot = store.table(TABLE).snapshot(revision)
        assert {k: s.obj["metadata"]["resourceVersion"] for k, s in snapshot.items()} == state


@given(WRITES, st.data())
def test_after_compaction_only_the_later_past_is_known(
    writes: list[tuple[Key, str]], data: st.DataObject
) -> None:
    store, states = written(writes)
    floor = data.draw(st.sampled_from(sorted(states)))
    store.table(TABLE).compact(floor)

    for revision in states:
        if revision < floor:
            with pytest.raises(TooOld):
                store.table(TABLE).since(revision)
        else:
            store.table(TABLE).snapshot(revision)


def test_the_window_bounds_what_is_kept() -> None:
    store = Store(window=5)
    for number in range(100):
        store.put(TABLE, ("", "a"), {"metadata": {"name": "a", "number": number}})

    assert 5 <= len(store.table(TABLE).history) <= 10


def test_an_object_is_encoded_once() -> None:
    stored = Store().put(TABLE, ("", "a"), {"metadata": {"name": "a"}})

    assert stored.encoded() is stored.encoded()
