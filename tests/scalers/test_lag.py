"""Laws of consumer lag."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from scalers._lag import NO_COMMIT, Partition, ResetPolicy, Rules, behind, even_replicas, lag, worth

THRESHOLDS = st.integers(1, 1000).map(float)
LAGS = st.lists(st.integers(0, 10_000), min_size=1, max_size=24)


def topic(lags: list[int]) -> tuple[dict[Partition, int], dict[Partition, int]]:
    commits = {Partition("t", number): 100 for number in range(len(lags))}
    ends = {Partition("t", number): 100 + amount for number, amount in enumerate(lags)}
    return commits, ends


@given(LAGS, THRESHOLDS)
def test_never_more_replicas_than_partitions(lags: list[int], threshold: float) -> None:
    """The original lets one more through when the lag is no multiple of the threshold."""
    assert worth(lags, len(lags), Rules(threshold=threshold)) <= len(lags) * threshold


@given(LAGS, THRESHOLDS)
def test_never_more_replicas_than_partitions_with_lag(lags: list[int], threshold: float) -> None:
    rules = Rules(threshold=threshold, only_with_lag=True)
    busy = sum(1 for amount in lags if amount)

    assert worth(lags, len(lags), rules) <= busy * threshold


@given(LAGS, THRESHOLDS)
def test_idle_consumers_take_the_whole_lag(lags: list[int], threshold: float) -> None:
    rules = Rules(threshold=threshold, allow_idle=True)

    assert worth(lags, len(lags), rules) == sum(lags)


@given(st.integers(1, 60), st.integers(1, 10_000), THRESHOLDS)
def test_even_replicas_divide_the_partitions(count: int, total: int, threshold: float) -> None:
    replicas = even_replicas(total, count, threshold)

    assert count % replicas == 0
    assert replicas == count or replicas * threshold >= total


@given(st.integers(0, 1000), st.integers(0, 1000), st.booleans())
def test_a_valid_commit_is_simply_subtracted(committed: int, more: int, zero: bool) -> None:
    rules = Rules(threshold=10, zero_on_invalid=zero)

    assert behind(committed, committed + more, rules) == more


@given(st.integers(1, 1000), st.sampled_from(ResetPolicy))
def test_a_commit_past_the_end_is_as_none(past: int, policy: ResetPolicy) -> None:
    """A topic that was deleted and made anew: the consumer will start over, and so do we."""
    rules = Rules(threshold=10, policy=policy)

    assert behind(50 + past, 50, rules) == behind(NO_COMMIT, 50, rules)


@given(LAGS, LAGS)
def test_what_moved_is_not_persistent(lags: list[int], before: list[int]) -> None:
    assume(len(lags) == len(before))
    commits, ends = topic(lags)
    earlier = {part: commits[part] - 1 for part in commits}
    rules = Rules(threshold=1, allow_idle=True)

    assert lag(commits, ends, rules, earlier) == lag(commits, ends, rules)


@given(LAGS)
def test_what_stands_still_is_only_a_reason_to_be_active(lags: list[int]) -> None:
    commits, ends = topic(lags)
    found = lag(commits, ends, Rules(threshold=1), commits)

    assert (found.value, found.total) == (0, sum(lags))
