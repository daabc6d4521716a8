"""Which changes wake which controller, and what each reads out of the world for its pure core."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kube.resources import (
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
    STORAGE_CLASSES,
    Resource,
)
from kube.values.selectors import matches, structured
from tandem.sandbox.controllers import (
    adoption,
    daemonset,
    deployment,
    disruption,
    job,
    namespaces,
    nodelife,
    replicaset,
    statefulset,
    storage,
)
from tandem.sandbox.controllers.actors import (
    Actor,
    everyone,
    its_manager,
    its_manager_or_adopter,
    itself,
)
from tandem.sandbox.controllers.plans import NOTHING, Plan
from tandem.sandbox.controllers.pods import finished
from tandem.sandbox.controllers.rollout import wanted
from tandem.sandbox.controllers.things import (
    SELECTED_NODE,
    Key,
    StorageClass,
    Thing,
    controller_of,
)
from tandem.sandbox.controllers.world import World


def _settle(world: World, owner: tuple[Resource, Thing], kind: Resource) -> Plan:
    """Adopt and release first; what that changes brings the next look."""
    resource, parent = owner
    orphans = world.orphans(kind, parent.namespace)
    if resource == STATEFUL_SETS:
        orphans = [pod for pod in orphans if pod.name.rpartition("-")[0] == parent.name]
    return adoption.settle(owner, kind, world.managed(kind, parent.uid), orphans)


def _replicaset(world: World, key: Key) -> Plan:
    rs = world.get(REPLICA_SETS, key)
    if rs is None:
        return NOTHING
    moves = _settle(world, (REPLICA_SETS, rs), PODS)
    if moves.actions:
        return moves
    owner = controller_of(rs)
    siblings = [
        pod
        for other in (world.managed(REPLICA_SETS, owner.uid) if owner else ())
        if other.uid != rs.uid
        for pod in world.managed(PODS, other.uid)
    ]
    return replicaset.reconcile(rs, world.managed(PODS, rs.uid), world.now(), siblings)


def _deployment(world: World, key: Key) -> Plan:
    found = world.get(DEPLOYMENTS, key)
    if found is None:
        return NOTHING
    moves = _settle(world, (DEPLOYMENTS, found), REPLICA_SETS)
    if moves.actions:
        return moves
    sets = world.managed(REPLICA_SETS, found.uid)
    pods: Sequence[Thing] = ()
    if deployment.recreate(found):
        pods = [pod for rs in sets for pod in world.managed(PODS, rs.uid)]
    return deployment.reconcile(found, sets, pods, world.now())


def _recreating(world: World, pod: Thing) -> Iterable[Key]:
    """A pod wakes the Deployment behind its ReplicaSet when that waits for pods to stop."""
    owner = controller_of(pod)
    rs = world.get(REPLICA_SETS, (pod.namespace, owner.name)) if owner else None
    above = controller_of(rs) if rs is not None else None
    found = world.get(DEPLOYMENTS, (pod.namespace, above.name)) if above else None
    return [found.key] if found is not None and deployment.recreate(found) else ()


def _statefulset(world: World, key: Key) -> Plan:
    found = world.get(STATEFUL_SETS, key)
    if found is None:
        return NOTHING
    moves = _settle(world, (STATEFUL_SETS, found), PODS)
    if moves.actions:
        return moves

    def exists(claim: Key) -> bool:
        return world.get(PERSISTENT_VOLUME_CLAIMS, claim) is not None

    return statefulset.reconcile(found, world.managed(PODS, found.uid), exists, world.now())


def _daemonset(world: World, key: Key) -> Plan:
    found = world.get(DAEMON_SETS, key)
    if found is None:
        return NOTHING
    moves = _settle(world, (DAEMON_SETS, found), PODS)
    if moves.actions:
        return moves
    pods = world.managed(PODS, found.uid)
    return daemonset.reconcile(found, pods, world.all(NODES), world.now())


def _job(world: World, key: Key) -> Plan:
    found = world.get(JOBS, key)
    if found is None:
        return NOTHING
    return job.reconcile(found, world.managed(PODS, found.uid), world.now())


def _orphan(world: World, key: Key) -> Plan:
    """A pod whose Job is gone must not be held back by the Job's finalizer."""
    pod = world.get(PODS, key)
    owner = controller_of(pod) if pod is not None else None
    if pod is None or owner is None or owner.kind != JOBS.kind:
        return NOTHING
    found = world.get(JOBS, (pod.namespace, owner.name))
    return NOTHING if found is not None and found.uid == owner.uid else job.abandoned(pod)


def _leaving_pod(_: World, pod: Thing) -> Iterable[Key]:
    return [pod.key] if pod.leaving or finished(pod) else ()


def _budget(world: World, key: Key) -> Plan:
    pdb = world.get(POD_DISRUPTION_BUDGETS, key)
    if pdb is None or pdb.leaving:
        return NOTHING
    pods = [
        pod
        for pod in world.all(PODS)
        if pod.namespace == pdb.namespace and not finished(pod) and _selected(pdb, pod)
    ]
    return disruption.reconcile(pdb, pods, _scale(world, pods), world.now())


def _selected(pdb: Thing, pod: Thing) -> bool:
    selector = pdb.spec.get("selector")
    return selector is not None and matches(structured(selector), pod.labels)


def _scale(world: World, pods: Sequence[Thing]) -> int:
    """Replicas that the owners of *pods* want; a pod without a known owner counts itself."""
    owners: dict[str, int] = {}
    for pod in pods:
        uid, replicas = _wanted_by(world, pod)
        owners[uid] = replicas
    return sum(owners.values())


def _wanted_by(world: World, pod: Thing) -> tuple[str, int]:
    owner = controller_of(pod)
    resource = {"ReplicaSet": REPLICA_SETS, "StatefulSet": STATEFUL_SETS}.get(
        owner.kind if owner else ""
    )
    found = world.get(resource, (pod.namespace, owner.name)) if owner and resource else None
    if found is None:
        return pod.uid, 1
    above = controller_of(found)
    top = world.get(DEPLOYMENTS, (pod.namespace, above.name)) if above else None
    best = top or found
    return best.uid, wanted(best)


def _budgets_of(world: World, pod: Thing) -> Iterable[Key]:
    return [
        pdb.key
        for pdb in world.cache(POD_DISRUPTION_BUDGETS).values()
        if pdb.namespace == pod.namespace and _selected(pdb, pod)
    ]


def _budgets_beside(world: World, found: Thing) -> Iterable[Key]:
    budgets = world.cache(POD_DISRUPTION_BUDGETS).values()
    return [pdb.key for pdb in budgets if pdb.namespace == found.namespace]


def _claim(world: World, key: Key) -> Plan:
    claim = world.get(PERSISTENT_VOLUME_CLAIMS, key)
    if claim is None:
        return NOTHING
    named = str(claim.spec.get("storageClassName") or "")
    known = world.get(STORAGE_CLASSES, ("", named)) if named else None
    selected = claim.annotations.get(SELECTED_NODE, "")
    return storage.reconcile_claim(
        claim,
        world.all(PERSISTENT_VOLUMES),
        known if isinstance(known, StorageClass) else None,
        world.get(NODES, ("", selected)) if selected else None,
    )


def _volume(world: World, key: Key) -> Plan:
    volume = world.get(PERSISTENT_VOLUMES, key)
    if volume is None:
        return NOTHING
    ref = volume.spec.get("claimRef") or {}
    claim = world.get(PERSISTENT_VOLUME_CLAIMS, (ref.get("namespace", ""), ref.get("name", "")))
    same = claim is not None and claim.uid == ref.get("uid")
    return storage.reconcile_volume(volume, claim if same else None)


def _unbound(world: World, _: Thing) -> Iterable[Key]:
    claims = world.cache(PERSISTENT_VOLUME_CLAIMS).values()
    return [claim.key for claim in claims if claim.phase != "Bound"]


def _its_volume(_: World, claim: Thing) -> Iterable[Key]:
    name = claim.spec.get("volumeName")
    return [("", str(name))] if name else ()


def _ephemeral(world: World, key: Key) -> Plan:
    pod = world.get(PODS, key)
    if pod is None:
        return NOTHING
    return storage.ephemeral_claims(
        pod, lambda name: world.get(PERSISTENT_VOLUME_CLAIMS, (pod.namespace, name)) is not None
    )


def _with_ephemeral(_: World, pod: Thing) -> Iterable[Key]:
    volumes = pod.spec.get("volumes") or []
    return [pod.key] if any(volume.get("ephemeral") for volume in volumes) else ()


ACTORS: dict[str, tuple[Actor, ...]] = {
    "replicasets": (
        Actor(
            "replicasets",
            _replicaset,
            {REPLICA_SETS: itself, PODS: its_manager_or_adopter(REPLICA_SETS)},
        ),
    ),
    "deployments": (
        Actor(
            "deployments",
            _deployment,
            {
                DEPLOYMENTS: itself,
                REPLICA_SETS: its_manager_or_adopter(DEPLOYMENTS),
                PODS: _recreating,
            },
        ),
    ),
    "statefulsets": (
        Actor(
            "statefulsets",
            _statefulset,
            {STATEFUL_SETS: itself, PODS: its_manager_or_adopter(STATEFUL_SETS)},
            (PERSISTENT_VOLUME_CLAIMS,),
        ),
    ),
    "daemonsets": (
        Actor(
            "daemonsets",
            _daemonset,
            {
                DAEMON_SETS: itself,
                PODS: its_manager_or_adopter(DAEMON_SETS),
                NODES: everyone(DAEMON_SETS),
            },
        ),
    ),
    "jobs": (
        Actor("jobs", _job, {JOBS: itself, PODS: its_manager(JOBS)}),
        Actor("job-orphans", _orphan, {PODS: _leaving_pod}, (JOBS,)),
    ),
    "budgets": (
        Actor(
            "budgets",
            _budget,
            {
                POD_DISRUPTION_BUDGETS: itself,
                PODS: _budgets_of,
                DEPLOYMENTS: _budgets_beside,
                STATEFUL_SETS: _budgets_beside,
            },
            (REPLICA_SETS,),
        ),
    ),
    "volumes": (
        Actor(
            "claims",
            _claim,
            {
                PERSISTENT_VOLUME_CLAIMS: itself,
                PERSISTENT_VOLUMES: _unbound,
                STORAGE_CLASSES: _unbound,
            },
            (NODES,),
        ),
        Actor(
            "volumes", _volume, {PERSISTENT_VOLUMES: itself, PERSISTENT_VOLUME_CLAIMS: _its_volume}
        ),
        Actor("ephemeral", _ephemeral, {PODS: _with_ephemeral}, (PERSISTENT_VOLUME_CLAIMS,)),
    ),
    "nodes": (nodelife.TAINTS,),
    "serviceaccounts": (namespaces.ACCOUNTS,),
}
