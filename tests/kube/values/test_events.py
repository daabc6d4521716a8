"""Events: the same thing has one name, different things have different ones."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from kube.values.events import Allowance, Happening, Reference, happening

REFERENCES = st.builds(
    Reference,
    api_version=st.sampled_from(["v1", "keda.sh/v1alpha1"]),
    kind=st.sampled_from(["Pod", "ScaledObject"]),
    name=st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,250}[a-z0-9])?\Z"),
    namespace=st.sampled_from(["", "shop"]),
    uid=st.text(max_size=5),
    resource_version=st.text(max_size=3),
)
HAPPENINGS = st.builds(
    happening,
    REFERENCES,
    st.sampled_from(["Normal", "Warning"]),
    st.sampled_from(["Scaled", "Held"]),
    st.text(max_size=2000),
)


@given(HAPPENINGS, HAPPENINGS)
def test_equal_happenings_and_only_they_share_a_name(a: Happening, b: Happening) -> None:
    same_object = (a.regarding.uid, a.regarding.name) == (b.regarding.uid, b.regarding.name)
    if a == b:
        assert a.name == b.name
    elif same_object:
        others = (a.regarding.api_version, a.regarding.kind, a.type, a.reason, a.message)
        theirs = (b.regarding.api_version, b.regarding.kind, b.type, b.reason, b.message)
        assert (a.name == b.name) == (others == theirs)


@given(HAPPENINGS)
def test_the_api_takes_name_and_message(what: Happening) -> None:
    assert re.fullmatch(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?", what.name)
    assert len(what.name) <= 253
    assert len(what.message) <= 1024
    assert what.regarding.events_in in ("default", "shop")


def test_a_long_message_is_cut_and_says_so() -> None:
    about = Reference("v1", "Pod", "web-0")

    assert happening(about, "Normal", "Scaled", "x" * 2000).message == "x" * 1023 + "…"


@given(REFERENCES)
def test_a_new_version_of_the_object_is_the_same_happening(about: Reference) -> None:
    later = Reference(
        about.api_version, about.kind, about.name, about.namespace, about.uid, "another"
    )

    assert happening(about, "Normal", "Scaled", "x") == happening(later, "Normal", "Scaled", "x")


@given(st.lists(st.floats(0, 100), max_size=50))
def test_no_more_than_burst_and_refill_are_allowed(gaps: list[float]) -> None:
    bucket, now_s, taken = Allowance(5.0, 0.0), 0.0, 0
    for gap in gaps:
        now_s += gap
        bucket = bucket.filled(now_s, refill_s=10.0, burst=5)
        if not bucket.empty:
            bucket, taken = bucket.taken(), taken + 1

    assert taken <= 5 + now_s / 10.0 + 1e-6
