"""Leases: the pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.values.lease import Record, Sighting, Terms


@pytest.mark.parametrize("terms", [(10, 10, 2), (15, 10, 0), (15, 2, 10), (0, 0, 0)])
def test_terms_that_could_overlap_are_refused(terms: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="needs 0 < retry_s < renew_s < lease_s"):
        Terms(*terms)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_a_claim_comes_after_the_holder_stopped(sent: float, late: float, wait: float) -> None:
    """Whatever passes between sending and seeing, the term of the holder is over by then."""
    terms = Terms()
    seen = Sighting(Record("a", terms.lease_s, "7"), at_s=sent + late)
    now_s = seen.at_s + wait

    if seen.claimable(now_s):
        assert now_s > sent + terms.renew_s + terms.spare_s


def test_the_same_version_keeps_its_first_moment() -> None:
    seen = Sighting(Record("a", 15, "7"), at_s=1)

    assert seen.then(Record("a", 15, "7"), 9) is seen
    assert seen.then(Record("a", 15, "8"), 9).at_s == 9
