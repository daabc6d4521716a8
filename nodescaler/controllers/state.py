"""The cluster as the node half sees it: caches, decoded once per change, and snapshots of them.

Pods, Nodes, NodeClaims, DaemonSets, ReplicaSets, Namespaces and all about storage come by list and
watch; the answers to our own writes are put in at once, so that the next decision sees them.
Nothing here is a source of truth: a new process has the same state after its first lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec
import structlog

from kube.cache import Cache, Change
from kube.client import Client, Json
from kube.objects import ObjectMeta, Partial
from kube.resources import DAEMON_SETS, NAMESPACES, NODE_CLAIMS, NODES, PODS, REPLICA_SETS
from kube.values.times import Now
from nodescaler import decode
from nodescaler.controllers.books import Books
from nodescaler.controllers.claims import FINALIZER
from nodescaler.controllers.nominations import Nominations
from nodescaler.controllers.pods import PodIndex, comes_back, waits_for_room
from nodescaler.controllers.snapshots import Beside, NodeStates, usage
from nodescaler.controllers.storage import Storage
from nodescaler.core.model import ClaimState, DaemonSpec, NodeState, PodSpec, Snapshot

log = structlog.get_logger()

PodListener = Callable[[PodSpec | None, PodSpec | None], None]
NodeListener = Callable[[NodeState | None, NodeState | None], None]
ClaimListener = Callable[[ClaimState | None, ClaimState | None], None]
PlaceListener = Callable[[], None]

BLOCKED = timedelta(minutes=10)  # a drain that lasts longer: room made for its pods stands empty


class Named(Protocol):
    @property
    def metadata(self) -> ObjectMeta: ...


S = TypeVar("S", bound=Named)
T = TypeVar("T")


class Runs(Protocol):
    async def run(self) -> None: ...
    async def wait_synced(self) -> None: ...


class State:
    """Everything that is cached.

    Attributes:
        pods: by node, by owner, by claim, pending.
        storage: claims and what they resolve to.
        disrupting: names of claims whose removal is being decided right now.
    """

    def __init__(self, client: Client, books: Books, *, now: Now) -> None:
        self._client = client
        self._now = now
        self.books = books
        self.pods = PodIndex()
        self.disrupting: set[str] = set()
        self._nodes: dict[str, NodeState] = {}
        self._claims: dict[str, ClaimState] = {}
        self._by_provider: dict[str, str] = {}
        self._claim_by_provider: dict[str, str] = {}
        self._nominations = Nominations(self.pods, now)
        self._pod_events: dict[str, datetime] = {}
        self._on_pod: list[PodListener] = []
        self._on_node: list[NodeListener] = []
        self._on_claim: list[ClaimListener] = []
        self._on_place: list[PlaceListener] = []
        self.storage = Storage(client, self.pods, self._places_changed)
        self._states = NodeStates()
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._namespace_cache = Cache(client, NAMESPACES, Partial)
        self._pod_cache = Cache(client, PODS, decode.PodObject)
        self._node_cache = Cache(client, NODES, decode.NodeObject)
        self._claim_cache = Cache(client, NODE_CLAIMS, decode.NodeClaimObject)
        self._daemon_cache = Cache(client, DAEMON_SETS, decode.DaemonSetObject)
        self._replica_cache = Cache(client, REPLICA_SETS, decode.ReplicaSetObject)
        self._pod_cache.subscribe(self._pod_changed)
        self._node_cache.subscribe(self._node_changed)
        self._claim_cache.subscribe(self._claim_changed)
        self._replica_cache.subscribe(self._replicas_changed)
        self._namespace_cache.subscribe(self._namespace_changed)
        self._wanted: dict[str, int] = {}

    # -------------------------------------------------------------- life

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for cache in self._caches():
                group.create_task(cache.run())

    async def wait_synced(self) -> None:
        """Until every first list is held: before that, nothing may be decided."""
        for cache in self._caches():
            await cache.wait_synced()

    def _caches(self) -> tuple[Runs, ...]:
        return (
            self._claim_cache,
            self._node_cache,
            self._pod_cache,
            self._daemon_cache,
            self._replica_cache,
            self._namespace_cache,
            *self.storage.caches,
        )

    def listen(
        self,
        *,
        pod: PodListener | None = None,
        node: NodeListener | None = None,
        claim: ClaimListener | None = None,
        place: PlaceListener | None = None,
    ) -> None:
        """Call back with old and new after each change that makes a difference here.

        *place* is called when a pending pod may go elsewhere than before although no pod, node or
        claim has changed: by its volumes, a driver's attach limit or the labels of a namespace.
        """
        self._on_pod += [pod] if pod is not None else []
        self._on_node += [node] if node is not None else []
        self._on_claim += [claim] if claim is not None else []
        self._on_place += [place] if place is not None else []

    def listen_all(self, callback: Callable[[], None]) -> None:
        """Call back after each change of any kind."""

        def told(_old: object, _new: object) -> None:
            callback()

        self.listen(pod=told, node=told, claim=told)

    # -------------------------------------------------------------- what changes

    def _pod_changed(self, change: Change[decode.PodObject]) -> None:
        key = _pod_key(change)
        old = self.pods.get(key)
        new = read_pod(change.new)
        if old == new:
            return
        self.pods.apply(old, new)
        if self._pod_cache.synced:
            self._note_pod_event(old, new)
        for tell in self._on_pod:
            tell(old, new)

    def _note_pod_event(self, old: PodSpec | None, new: PodSpec | None) -> None:
        """A pod came to a node or stopped needing it; daemons do not count."""
        pod = new or old
        if pod is None or pod.is_daemon:
            return
        if _occupies(old) != _occupies(new):
            node = (new.node_name if new is not None else "") or (old.node_name if old else "")
            if node in self._nodes:  # not one that has gone: nobody would ever forget it
                self._pod_events[node] = self._now()

    def _node_changed(self, change: Change[decode.NodeObject]) -> None:
        name = _name(change)
        old = self._nodes.get(name)
        new = read(decode.node_state, change.new)
        if old == new:
            return
        if old is not None and (new is None or new.provider_id != old.provider_id):
            _drop(self._by_provider, old.provider_id, name)
        if new is None:
            self._nodes.pop(name, None)
            self._pod_events.pop(name, None)
        else:
            self._nodes[name] = new
            if new.provider_id:
                self._by_provider[new.provider_id] = name
        for tell in self._on_node:
            tell(old, new)

    def _claim_changed(self, change: Change[decode.NodeClaimObject]) -> None:
        name = _name(change)
        old = self._claims.get(name)
        new = read(decode.claim_state, change.new)
        if old == new:
            return
        if new is None:
            self._claims.pop(name, None)
            self.disrupting.discard(name)
            _drop(self._claim_by_provider, old.provider_id if old is not None else "", name)
        else:
            self._claims[name] = new
            if new.provider_id:
                self._claim_by_provider[new.provider_id] = name
        for tell in self._on_claim:
            tell(old, new)

    def _replicas_changed(self, change: Change[decode.ReplicaSetObject]) -> None:
        if change.new is not None:
            self._wanted[change.new.metadata.uid] = change.new.spec.replicas
        elif change.old is not None:
            self._wanted.pop(change.old.metadata.uid, None)

    def _namespace_changed(self, change: Change[Partial]) -> None:
        name = _name(change)
        was = self._namespaces.pop(name, None)
        if change.new is not None:
            self._namespaces[name] = change.new.metadata.labels
        if self._namespaces.get(name) != was:
            self._places_changed()

    def _places_changed(self) -> None:
        for tell in self._on_place:
            tell()

    def put_claim(self, answer: Json) -> None:
        self._claim_cache.put(msgspec.convert(answer, decode.NodeClaimObject))

    def put_node(self, answer: Json) -> None:
        self._node_cache.put(msgspec.convert(answer, decode.NodeObject))

    # -------------------------------------------------------------- questions

    def claim(self, name: str) -> ClaimState | None:
        return self._claims.get(name)

    def claims(self) -> Collection[ClaimState]:
        return self._claims.values()

    def node(self, name: str) -> NodeState | None:
        return self._nodes.get(name)

    def is_node_held(self, name: str) -> bool:
        """Whether the Node carries our finalizer."""
        found = self._node_cache.get(name)
        return found is not None and FINALIZER in found.metadata.finalizers

    def is_claim_held(self, name: str) -> bool:
        found = self._claim_cache.get(name)
        return found is not None and FINALIZER in found.metadata.finalizers

    def nodes(self) -> Collection[NodeState]:
        return self._nodes.values()

    def node_of(self, claim: ClaimState) -> NodeState | None:
        """The Node that joined for *claim*, whatever it is called."""
        name = self._by_provider.get(claim.provider_id, "") if claim.provider_id else ""
        return self._nodes.get(name)

    def claim_of(self, node: NodeState) -> ClaimState | None:
        return self._claims.get(self._claim_by_provider.get(node.provider_id, ""))

    def wanted(self, owner_uid: str) -> int | None:
        """How many pods a ReplicaSet is to have; None for any other owner."""
        return self._wanted.get(owner_uid)

    def last_pod_event(self, node: str) -> datetime | None:
        return self._pod_events.get(node)

    def nominate(self, node: str, pods: Iterable[PodSpec], seconds: float) -> None:
        """These pods count on *node*, or on the claim of that name, until they are bound."""
        self._nominations.put(node, pods, seconds)

    def nominated_for_s(self, node: str) -> float:
        """How long *node* is spoken for at most; 0 once every such pod is bound or gone."""
        return self._nominations.left_s(node)

    async def pods_on(self, node: str) -> list[PodSpec]:
        """What the API, not the cache, says is bound to *node*."""
        found = await self._client.items(PODS, fields=f"spec.nodeName={node}")
        pods = (read_pod(msgspec.convert(each, decode.PodObject)) for each in found)
        return [pod for pod in pods if pod is not None]

    def next_nomination_s(self) -> float | None:
        """Until the next nomination ends."""
        return self._nominations.next_s()

    def snapshot(self) -> Snapshot:
        """Everything that planning reads.

        The pods are the pending ones, and those that drains are about to set free: such a pod is
        told by its `node_name`, it still runs there, and there is nothing to say about it yet.
        """
        pools = self.books.usable()
        moving = tuple(self._moving())
        return Snapshot(
            pools=tuple(pools),
            types={pool.name: tuple(self.books.types[pool.name]) for pool in pools},
            nodes=tuple(self._node_states()),
            pods=(*self._pending(), *moving),
            daemons=tuple(self.daemons()),
            usage=usage(self._claims.values()),
            namespaces=dict(self._namespaces),
            volumes=self.storage.volumes({pod.key for pod in moving}),
        )

    def promised_to(self, *names: str) -> list[PodSpec]:
        """The pods that wait and were planned for the node or the claim of one of these names."""
        return self._nominations.promised_to(*names)

    def _pending(self) -> Iterator[PodSpec]:
        """The pods that wait, each with where it was planned to go the last time."""
        for pod in self.pods.pending():
            at = self._nominations.promised(pod)
            if at is not None:
                yield replace(pod, nominated_node=self._place(at))
            elif not waits_for_room(pod, self.pods.on(pod.nominated_node)):
                yield pod

    def _place(self, name: str) -> str:
        """What a snapshot calls the node, or the claim whose node may have joined by now."""
        claim = self._claims.get(name)
        node = self.node_of(claim) if claim is not None else None
        return node.name if node is not None else name

    def _moving(self) -> Iterator[PodSpec]:
        """The pods of drained nodes that will come back as pending ones."""
        now = self._now()
        for claim in self._claims.values():
            since = claim.deleting_since
            node = self.node_of(claim) if since is not None else None
            if since is not None and node is not None and now - since < BLOCKED:
                yield from (pod for pod in self.pods.on(node.name) if comes_back(pod, now))

    def _node_states(self) -> Iterator[NodeState]:
        for node in self._nodes.values():
            claim = self.claim_of(node)
            yield self._states.of(node, claim, self.beside(node.name, claim))
        for claim in self._claims.values():
            if self.node_of(claim) is None:
                yield self._states.of(None, claim, self.beside("", claim))
        self._states.seal()

    def beside(self, node: str, claim: ClaimState | None) -> Beside:
        """What is known of a node, joined or not, beside its objects."""
        names = (node, claim.name) if claim is not None else (node,)
        return Beside(
            pods=self.pods.on(node),
            nominated=any(map(self.nominated_for_s, names)),
            leaving=claim is not None and claim.name in self.disrupting,
            last_pod_event=self._pod_events.get(node),
            attach_limits=self.storage.attach_limits(node),
        )

    def daemons(self) -> Iterator[DaemonSpec]:
        """Every DaemonSet that can be read."""
        for found in self._daemon_cache.values():
            daemon = read(decode.daemon_spec, found)
            if daemon is not None:
                yield daemon


def _occupies(pod: PodSpec | None) -> bool:
    return pod is not None and bool(pod.node_name) and not pod.is_over and pod.deletes_at is None


def _drop(index: dict[str, str], key: str, name: str) -> None:
    """Forget *name* under *key*, unless another one has come there since."""
    if index.get(key) == name:
        del index[key]


def read_pod(obj: decode.PodObject | None) -> PodSpec | None:
    """Decode a pod; of one that asks what cannot be read, still that it is there, and where."""
    found = read(decode.pod_spec, obj)
    return decode.unreadable_pod(obj) if found is None and obj is not None else found


def read(reader: Callable[[S], T], obj: S | None) -> T | None:
    """Decode one object; one that cannot be read is reported and counts as not there."""
    if obj is None:
        return None
    try:
        return reader(obj)
    except ValueError as error:
        log.warning("unreadable", object=type(obj).__name__, read=obj.metadata.key, why=str(error))
        return None


def _name(
    change: Change[decode.NodeObject] | Change[decode.NodeClaimObject] | Change[Partial],
) -> str:
    found = change.new or change.old
    return found.metadata.name if found is not None else ""


def _pod_key(change: Change[decode.PodObject]) -> str:
    found = change.new or change.old
    return f"{found.metadata.namespace}/{found.metadata.name}" if found is not None else ""
