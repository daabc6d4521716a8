"""What the benchmarks draw is what their descriptions say, and the same at every run."""

from __future__ import annotations

from collections import Counter

import pytest

from nodescaler.core.labels import HOSTNAME, ZONE
from nodescaler.core.model import PodSpec
from nodescaler.core.resources import CPU, MEMORY, PODS
from tests.bench.markets import DAEMONS, daemons, fake
from tests.bench.mix import diverse, preferring
from tests.bench.storm import storm
from tests.bench.workloads import GIB, KINDS, RESOURCES, workload

CLASSES = {"micro": 47, "google": 200, "azure": 23, "alibaba": 12, "bench": 30}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("pods", [1, 100, 1_000])
def test_a_workload_has_the_pods_it_was_asked_for(name: str, pods: int) -> None:
    drawn = workload(name, pods)

    assert len(drawn.pods) == sum(drawn.counts) == pods
    assert len({pod.uid for pod in drawn.pods}) == pods
    assert min(drawn.counts) > 0


@pytest.mark.parametrize("name", KINDS)
def test_every_class_is_there_from_a_thousand_pods_up(name: str) -> None:
    drawn = workload(name, 1_000)

    assert len(drawn.shapes) == len(set(drawn.shapes)) == CLASSES[name]


@pytest.mark.parametrize("name", KINDS)
def test_a_seed_gives_one_workload(name: str) -> None:
    first, again, other = workload(name, 500), workload(name, 500), workload(name, 500, seed=1)

    assert first == again
    assert first.counts != other.counts
    assert set(other.shapes) <= set(KINDS[name]())


def test_arrays_say_the_same_as_the_pods() -> None:
    drawn = workload("azure", 1_000)
    row = {tuple(values): int(n) for values, n in zip(drawn.requests, drawn.numbers, strict=True)}

    found = Counter(tuple(pod.requests[name] for name in RESOURCES) for pod in drawn.pods)

    assert found == row


def test_pods_of_a_class_share_their_values() -> None:
    """As the decoder's memo gives them: a class costs its demands once."""
    pods = workload("alibaba", 1_000).pods
    by_app: dict[str, list[PodSpec]] = {}
    for pod in pods:
        by_app.setdefault(pod.labels["app"], []).append(pod)

    assert len(by_app) == CLASSES["alibaba"]
    for alike in by_app.values():
        for values in ("requests", "labels", "alternatives", "owner"):
            assert len({id(getattr(pod, values)) for pod in alike}) == 1, values


def test_sizes_are_those_of_the_kind() -> None:
    means = {}
    for name in KINDS:
        drawn = workload(name, 10_000)
        cpu, memory, _ = (drawn.requests * drawn.numbers[:, None]).sum(axis=0) / 10_000
        means[name] = (cpu / 1000, memory / GIB)

    assert means["google"][0] < means["micro"][0] < 1 < means["azure"][0] < 5
    assert means["azure"][1] > 12
    assert 3.5 < means["alibaba"][0] < 5
    assert max(shape.cpu for shape in KINDS["micro"]()) <= 2000


def test_the_daemons_take_what_the_study_says() -> None:
    requests = [daemon.pod.requests for daemon in daemons()]

    assert len(requests) == len(DAEMONS)
    assert [sum(r[n] for r in requests) for n in (CPU, MEMORY, PODS)] == [300, 2**29, 5]


def test_the_fake_types_grow_evenly() -> None:
    types = fake().types

    assert len(types) == 400
    assert types[-1].capacity == {CPU: 400_000, MEMORY: 800 * GIB, PODS: 4000}
    assert types[0].allocatable[CPU] == 900
    assert {(o.zone, o.capacity_type) for o in types[0].offerings if o.capacity_type == "spot"} == {
        ("test-zone-1", "spot"),
        ("test-zone-2", "spot"),
    }


@pytest.mark.parametrize(("count", "each"), [(1, 0), (53, 10), (1_000, 200)])
def test_the_mix_has_a_fifth_of_each_kind(count: int, each: int) -> None:
    pods = diverse(count)
    spreads = Counter(spread.topology_key for pod in pods for spread in pod.spreads)

    assert len({pod.key for pod in pods}) == count
    assert spreads == Counter({ZONE: each, HOSTNAME: each})
    assert sum(bool(pod.beside) for pod in pods) == each
    assert sum(bool(pod.apart) for pod in pods) == each


def test_most_spread_pods_do_not_count_themselves() -> None:
    spread = [pod for pod in diverse(1_000) if pod.spreads]
    selves = [pod for pod in spread if pod.spreads[0].selector.accepts(pod.labels)]

    assert 0.08 < len(selves) / len(spread) < 0.22


def test_an_affine_pod_is_one_of_those_it_wants() -> None:
    affine = [pod for pod in diverse(100) if pod.beside]

    assert all(pod.beside[0].concerns(pod.namespace, pod.labels) for pod in affine)


def test_preferring_pods_are_alike_and_require_nothing() -> None:
    pods = preferring(40)

    assert len({pod.key for pod in pods}) == 40
    assert {id(pod.requests) for pod in pods} == {id(pods[0].requests)}
    assert not any(pod.spreads or pod.beside or pod.apart for pod in pods)
    assert [each.weight for each in pods[0].company] == [-10, -1]


def test_a_storm_has_as_many_specs_as_it_says() -> None:
    pods = storm(pods=330, specs=140)

    assert len({pod.uid for pod in pods}) == 330
    assert len({tuple(sorted(pod.requests.items())) for pod in pods}) == 140
