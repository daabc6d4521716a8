"""Run the measurements and print their tables.

python -m tests.bench                           all of them
python -m tests.bench latency memory            some
python -m tests.bench planning                  all that is about plans
python -m tests.bench --out FILE ...            also into a file
python -m tests.bench --into FILE ...           also in place of the same sections of a page
python -m tests.bench planning --profile NAME   where the time of one plan goes instead of a table
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from tests.bench import again, alone, formula, idle, latency, memory, objects, planning, rounds
from tests.bench.scenarios import profile
from tests.bench.table import Table, machine, with_tables

PLANNING: dict[str, Callable[[], Awaitable[Table]]] = {
    "workloads": planning.fast,
    "workloads-budget": planning.long,
    "workloads-markets": planning.markets,
    "mix": planning.mix,
    "again": again.measure,
    "rounds": rounds.measure,
    "preferences": planning.preferences,
    "storm": alone.storm,
    "snapshot": alone.snapshot,
}
BENCHES: dict[str, Callable[[], Awaitable[Table]]] = {
    "latency": latency.measure,
    "memory": memory.measure,
    "idle": idle.measure,
    "objects": objects.measure,
    "formula": formula.measure,
    **PLANNING,
}
GROUPS = {"planning": tuple(PLANNING)}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    choices = [*BENCHES, *GROUPS, []]
    parser.add_argument("names", nargs="*", choices=choices, help="which; all when none")
    parser.add_argument("--out", type=Path, help="write the tables into this file too")
    parser.add_argument("--into", type=Path, help="replace the tables in this page too")
    parser.add_argument("--profile", metavar="NAME", help="profile a plan; see scenarios.py")
    asked = parser.parse_args()
    if asked.profile:
        try:
            print(profile(asked.profile))  # noqa: T201  # the output of the command
        except ValueError as error:
            parser.error(str(error))
        return
    tables = []
    for name in _expanded(asked.names or tuple(BENCHES)):
        tables.append(asyncio.run(_run(BENCHES[name])))
        print(tables[-1].markdown(), flush=True)  # noqa: T201  # the output of the command
    if asked.out:
        pages = [f"Measured on {machine()}.\n", *(table.markdown() for table in tables)]
        asked.out.write_text("\n".join(pages))
    if asked.into:
        asked.into.write_text(with_tables(asked.into.read_text(), tables))


def _expanded(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield from GROUPS.get(name, (name,))


async def _run(bench: Callable[[], Awaitable[Table]]) -> Table:
    return await bench()


if __name__ == "__main__":
    main()
