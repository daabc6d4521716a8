"""Checks a plan against kube-scheduler's rules and its own promises, without the packer's code.

`faults` names everything that is wrong with a plan; what a plan leaves out that it could have
placed is asked by `tests.nodescaler.core.missed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from nodescaler.core.model import NodePool, Plan, PlannedNode, Snapshot
from nodescaler.core.settings import MinValuesPolicy, PackSettings
from tests.nodescaler.core.rules import HOST, Place, World, matches, unsuited
from tests.nodescaler.core.staging import (
    Launch,
    admitted,
    fresh,
    keys_that_count,
    launches,
    placed,
    planned_launch,
    refusals,
    usable,
    world_after,
)

CENT = 1e-6
DEFAULTS = PackSettings()


def faults(snapshot: Snapshot, plan: Plan, settings: PackSettings = DEFAULTS) -> list[str]:
    """Everything that is wrong with the plan, in words."""
    found = [
        *_lost(snapshot, plan),
        *_prices(plan, settings),
        *_left_out(snapshot, plan),
        *_gangs(snapshot, plan),
        *_limits(snapshot, plan),
        *_reservations(snapshot, plan),
    ]
    for node in plan.new_nodes:
        found += _claim(snapshot, node, settings)
    return found or list(_scheduler(snapshot, plan))


# ---------------------------------------------------------------- the books


def _lost(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    seen = Counter(pod.key for pod, _ in placed(plan))
    seen += Counter(each.pod.key for each in plan.unschedulable)
    there = Counter(pod.key for pod in snapshot.pods)
    for key in sorted(set(seen) | set(there)):
        if seen[key] != there[key]:
            yield f"{key} is {there[key]} times in the snapshot and {seen[key]} times in the plan"
    names = Counter([node.name for node in plan.new_nodes] + [node.name for node in snapshot.nodes])
    yield from (f"{name} names {count} nodes" for name, count in names.items() if count > 1)


def _prices(plan: Plan, settings: PackSettings) -> Iterator[str]:
    """First-fit is compared where the plan is to be cheap, and nothing else."""
    cost = sum(node.usd_per_hour for node in plan.new_nodes)
    if plan.lower_bound_per_hour > cost + CENT:
        yield f"costs {cost}, less than its lower bound {plan.lower_bound_per_hour}"
    plain = not settings.usd_per_node and not settings.performance
    if plain and 0 < plan.first_fit_per_hour < cost - CENT:
        yield f"costs {cost}, more than first-fit's {plan.first_fit_per_hour}"


def _left_out(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    for each in plan.unschedulable:
        if not each.reason.strip():
            yield f"{each.pod.key} stays out without a reason"
    for placement in plan.existing:
        if not placement.pods:
            yield f"{placement.node} is named for no pod"
    yield from (f"{node.name} is launched for no pod" for node in plan.new_nodes if not node.pods)


def _gangs(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    running = [pod for n in snapshot.nodes if not n.deleting for pod in n.pods if not pod.is_over]
    there = Counter(pod.gang.name for pod in running if pod.gang)
    new = Counter(pod.gang.name for pod, _ in placed(plan) if pod.gang)
    least: dict[str, int] = {}
    for pod in snapshot.pods:
        if pod.gang:
            least[pod.gang.name] = max(least.get(pod.gang.name, 0), pod.gang.minimum)
    for name, minimum in sorted(least.items()):
        if new[name] and new[name] + there[name] < minimum:
            yield f"gang {name} has {new[name] + there[name]} pods placed of at least {minimum}"


def _limits(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Whatever of the admitted types is launched, the limits hold."""
    for pool in snapshot.pools:
        used = spent(snapshot, plan, pool)
        for name, limit in pool.limits.items():
            mine = any(node.pool == pool.name for node in plan.new_nodes)
            if mine and used[name] > limit:
                yield f"{pool.name} may use {used[name]} {name} of at most {limit}"


def spent(snapshot: Snapshot, plan: Plan, pool: NodePool) -> Counter[str]:
    """What the pool's claims use at most, the planned ones too."""
    used = Counter(dict(snapshot.usage.get(pool.name, {})))
    for node in plan.new_nodes:
        if node.pool == pool.name:
            used["nodes"] += 1
            types = [launch.type for launch in launches(snapshot, node)]
            for name in pool.limits:
                used[name] += max((t.capacity.get(name, 0) for t in types), default=0)
    return used


def held(snapshot: Snapshot, plan: Plan) -> Counter[str]:
    """How many nodes may draw on each reservation."""
    out: Counter[str] = Counter()
    for node in plan.new_nodes:
        out.update({each.offering.reservation for each in launches(snapshot, node)} - {""})
    return out


def _reservations(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    counts = {
        offering.reservation: offering.count
        for types in snapshot.types.values()
        for each in types
        for offering in each.offerings
        if offering.reservation and offering.count is not None
    }
    for name, nodes in sorted(held(snapshot, plan).items()):
        if nodes > counts.get(name, nodes):
            yield f"{nodes} nodes may draw on reservation {name}, which has {counts[name]} left"


# ---------------------------------------------------------------- one claim


def _claim(snapshot: Snapshot, node: PlannedNode, settings: PackSettings) -> Iterator[str]:
    pool = next((each for each in usable(snapshot) if each.name == node.pool), None)
    if pool is None:
        yield f"{node.name}: no such pool to launch from: {node.pool}"
        return
    every = launches(snapshot, node)
    named = planned_launch(snapshot, node)
    if named is None:
        yield f"{node.name}: its claim does not admit the machine that the plan names"
        return
    yield from (f"{node.name}: {each}" for each in _promises(snapshot, node, named, every))
    yield from (f"{node.name}: {each}" for each in _of_its_pool(node, pool, every, settings))
    for launch in every:
        place = fresh(snapshot, node.name, node.taints, launch)
        what = f"{launch.type.name} {launch.offering.zone} {launch.offering.capacity_type}"
        yield from (f"{node.name} as {what}: {each}" for each in _alone(snapshot, node, place))


def _promises(
    snapshot: Snapshot, node: PlannedNode, named: Launch, every: list[Launch]
) -> Iterator[str]:
    """What the plan says of the node is so."""
    cheapest = min(launch.offering.usd_per_hour for launch in every)
    if abs(node.usd_per_hour - cheapest) > CENT:
        yield f"costs {node.usd_per_hour}, but its claim admits a machine for {cheapest}"
    types = {launch.type.name for launch in every}
    if set(node.instance_types) != types or node.instance_types[0] != node.instance_type:
        yield f"lists {node.instance_types}, but its claim admits {sorted(types)}"
    prices = {
        name: min(each.offering.usd_per_hour for each in every if each.type.name == name)
        for name in types
    }
    told = [prices.get(name, 0.0) for name in node.instance_types]
    if told != sorted(told):
        yield "does not list the cheapest types first"
    place = fresh(snapshot, node.name, node.taints, named)
    need = Counter[str]()
    for pod in (*place.pods, *node.pods):
        need.update(pod.requests)
    if {n: v for n, v in need.items() if v} != {n: v for n, v in node.requests.items() if v}:
        yield f"requests {dict(node.requests)}, but its pods and daemons need {dict(need)}"
    if dict(node.allocatable) != {n: max(v, 0) for n, v in place.room.items()}:
        yield f"is said to have {dict(node.allocatable)}, but has {place.room}"


def _of_its_pool(
    node: PlannedNode, pool: NodePool, every: list[Launch], settings: PackSettings
) -> Iterator[str]:
    if (node.taints, node.startup_taints) != (pool.taints, pool.startup_taints):
        yield "does not have the taints of its pool"
    for launch in every:
        if not matches(pool.requirements, launch.labels):
            yield f"could become {launch.type.name}, which its pool does not allow"
        if any(launch.labels.get(key) != value for key, value in pool.labels.items()):
            yield f"as {launch.type.name} does not have the labels of its pool"
    short = too_few(pool, every)
    relaxed = settings.min_values is MinValuesPolicy.BEST_EFFORT and node.min_values_relaxed
    if short and not relaxed:
        yield short
    if node.min_values_relaxed and not short:
        yield "says that minValues were relaxed, but they hold"


def too_few(pool: NodePool, every: list[Launch]) -> str:
    for key, allowed in pool.requirements.items():
        values = {each.labels[key] for each in every if key in each.labels}
        if allowed.min_values is not None and len(values) < allowed.min_values:
            return f"leaves {len(values)} values of {key}; minValues is {allowed.min_values}"
    return ""


def _alone(snapshot: Snapshot, node: PlannedNode, place: Place) -> Iterator[str]:
    """Whether this machine holds its pods, whatever else there is."""
    world = World({place.name: place}, snapshot.namespaces, snapshot.volumes)
    for pod in node.pods:
        wrong = unsuited(world, pod, place)
        if wrong:
            yield f"{pod.key}: {wrong}"
    for name, room in place.room.items():
        need = sum(pod.requests.get(name, 0) for pod in (*place.pods, *node.pods))
        if need > room and any(pod.requests.get(name, 0) > 0 for pod in node.pods):
            yield f"needs {need} {name} and has {room}"


# ---------------------------------------------------------------- what the scheduler says


def _scheduler(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """The plan as named, then with each node in turn as another machine that its claim admits."""
    wanted = placed(plan)
    for what, instead in _variants(snapshot, plan):

        def make(instead: Mapping[str, Launch] = instead) -> World:
            return world_after(snapshot, plan, instead)

        if admitted(make, wanted) is None:
            yield from (f"{what}{each}" for each in refusals(make, wanted) or ["no order does"])


def _variants(snapshot: Snapshot, plan: Plan) -> Iterator[tuple[str, Mapping[str, Launch]]]:
    yield "", {}
    standing = [pod for node in snapshot.nodes for pod in node.pods]
    everyone = [*snapshot.pods, *standing, *(daemon.pod for daemon in snapshot.daemons)]
    keys = sorted(keys_that_count(everyone) - {HOST})
    last: dict[str, Launch] = {}
    for node in plan.new_nodes:
        named = planned_launch(snapshot, node)
        seen = {_seen(named, keys)} if named else set()
        for launch in launches(snapshot, node):
            if _seen(launch, keys) not in seen:
                seen.add(_seen(launch, keys))
                last[node.name] = launch
                yield f"if {node.name} becomes {_seen(launch, keys)}: ", {node.name: launch}
    if len(last) > 1:
        yield "if all nodes become others: ", last


def _seen(launch: Launch, keys: list[str]) -> tuple[str | None, ...]:
    return tuple(launch.labels.get(key) for key in keys)
