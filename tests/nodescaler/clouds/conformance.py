"""What every cloud must keep, as one class of tests: inherit it and give it a bench.

A bench is a small world in which the cloud under test runs. `bench.cloud()` is the cloud as a new
process finds it: nothing that an earlier one knew in memory is left.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import pytest

from nodescaler.clouds.base import Cloud, Gone, LaunchSpec, NoCapacity, NodeClass
from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE, Requirement, Requirements

DELETIONS = 20  # ask at most so often until a machine is gone


class Bench(Protocol):
    def cloud(self) -> Cloud: ...
    def now(self) -> datetime: ...


async def delete(cloud: Cloud, provider_id: str) -> None:
    """Ask until it is gone."""
    for _ in range(DELETIONS):
        try:
            await cloud.delete(provider_id)
        except Gone:
            return
        await asyncio.sleep(1)
    raise AssertionError(f"{provider_id} is still there")


def spec_at(bench: Bench, token: str, *lines: Requirement, cpu: int = 100) -> LaunchSpec:
    return LaunchSpec(
        token=token,
        name=f"claim-{token}",
        asked_at=bench.now(),
        requirements=Requirements.of(*lines),
        requests={"cpu": cpu},
    )


class CloudConformance:
    """Subclasses define the fixture `bench`."""

    async def test_the_catalogue_has_types_that_can_be_bought(self, bench: Bench) -> None:
        types = await bench.cloud().catalogue(NodeClass())

        assert len({each.name for each in types}) == len(types)
        assert any(way.available for each in types for way in each.offerings)

    async def test_a_machine_is_one_of_the_catalogue_and_large_enough(self, bench: Bench) -> None:
        cloud = bench.cloud()
        machine = await cloud.create(spec_at(bench, "a", cpu=3000))
        types = {each.name: each for each in await cloud.catalogue(NodeClass())}
        bought = types[machine.labels[INSTANCE_TYPE]]

        assert machine.allocatable["cpu"] >= 3000
        assert machine.labels[ZONE] in {way.zone for way in bought.offerings}
        assert machine.usd_per_hour > 0

    async def test_a_machine_meets_the_requirements(self, bench: Bench) -> None:
        cloud = bench.cloud()
        lines = [
            Requirement(CAPACITY_TYPE, "In", ("on-demand",)),
            Requirement(INSTANCE_TYPE, "NotIn", ("t3.micro",)),
        ]
        machine = await cloud.create(spec_at(bench, "a", *lines))

        assert Requirements.of(*lines).accepts(machine.labels)

    async def test_requirements_on_a_pools_own_labels_refuse_nothing(self, bench: Bench) -> None:
        line = Requirement("team", "In", ("a",))

        assert (await bench.cloud().create(spec_at(bench, "a", line))).token == "a"

    async def test_what_cannot_be_bought_is_no_capacity(self, bench: Bench) -> None:
        with pytest.raises(NoCapacity):
            await bench.cloud().create(
                spec_at(bench, "a", Requirement(INSTANCE_TYPE, "In", ("no.such",)))
            )
        with pytest.raises(NoCapacity):
            await bench.cloud().create(spec_at(bench, "b", cpu=10**9))

    async def test_equal_tokens_are_one_machine(self, bench: Bench) -> None:
        cloud, spec = bench.cloud(), spec_at(bench, "a")
        first = await cloud.create(spec)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cloud.create(spec)) for _ in range(5)]
        again = [task.result() for task in tasks]

        assert {each.provider_id for each in again} == {first.provider_id}
        assert {each.labels[INSTANCE_TYPE] for each in again} == {first.labels[INSTANCE_TYPE]}
        assert [each.token for each in await cloud.list()] == ["a"]

    async def test_other_tokens_are_other_machines(self, bench: Bench) -> None:
        cloud = bench.cloud()
        made = [await cloud.create(spec_at(bench, token)) for token in ("a", "b")]

        assert made[0].provider_id != made[1].provider_id
        assert {each.token for each in await cloud.list()} == {"a", "b"}

    async def test_a_machine_is_found_by_its_id(self, bench: Bench) -> None:
        cloud = bench.cloud()
        machine = await cloud.create(spec_at(bench, "a"))

        assert (await cloud.get(machine.provider_id)).token == "a"

    async def test_a_deletion_ends_in_gone_and_stays_there(self, bench: Bench) -> None:
        cloud = bench.cloud()
        machine = await cloud.create(spec_at(bench, "a"))
        await delete(cloud, machine.provider_id)

        for ask in (cloud.delete, cloud.get):
            with pytest.raises(Gone):
                await ask(machine.provider_id)
        assert list(await cloud.list()) == []

    async def test_deleting_what_never_was_is_gone(self, bench: Bench) -> None:
        with pytest.raises(Gone):
            await bench.cloud().delete("kwok://never-was")

    async def test_a_new_process_goes_on_with_the_same_machine(self, bench: Bench) -> None:
        spec = spec_at(bench, "a")
        made = await bench.cloud().create(spec)
        known = replace(spec, requirements=Requirements.labels(made.labels))
        again = await bench.cloud().resume(known)

        assert again.provider_id == made.provider_id
        assert {k: again.labels[k] for k in made.labels} == dict(made.labels)

    async def test_a_new_process_can_delete_it(self, bench: Bench) -> None:
        made = await bench.cloud().create(spec_at(bench, "a"))
        other = bench.cloud()
        await delete(other, made.provider_id)

        with pytest.raises(Gone):
            await other.get(made.provider_id)
