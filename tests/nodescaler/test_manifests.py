"""Generated pods come back from their manifests unchanged: the decoder and the writer agree."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings

from nodescaler.core.model import PodSpec
from nodescaler.decode.pods import pod_spec
from nodescaler.decode.structs import PodObject
from tests.nodescaler.core.generated import Scope
from tests.nodescaler.core.strategies import asking_pods
from tests.nodescaler.core.surroundings import AGENT, GUESTS, PROXY
from tests.nodescaler.manifests import pod_manifest


def decoded(pod: PodSpec) -> PodSpec:
    return pod_spec(msgspec.convert(pod_manifest(pod), PodObject))


@given(asking_pods(Scope(faults=False)))
@settings(max_examples=100, deadline=None)
def test_a_pod_is_read_as_it_was_written(pods: tuple[PodSpec, ...]) -> None:
    for pod in pods:
        assert decoded(pod) == pod


def test_what_runs_already_is_read_as_it_was_written() -> None:
    running = [AGENT.pod, PROXY.pod, *(pod for guests in GUESTS for pod in guests)]

    assert [decoded(pod) for pod in running] == running
