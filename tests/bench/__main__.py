"""Run the measurements and print their tables.

python -m tests.bench                    all of them
python -m tests.bench latency memory     some
python -m tests.bench --out FILE ...     also into a file
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.bench import idle, latency, memory
from tests.bench.table import Table, machine

BENCHES: dict[str, Callable[[], Awaitable[Table]]] = {
    "latency": latency.measure,
    "memory": memory.measure,
    "idle": idle.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], help="which; all when none")
    parser.add_argument("--out", type=Path, help="write the tables into this file too")
    asked = parser.parse_args()
    pages = [f"Measured on {machine()}.\n"]
    for name in asked.names or BENCHES:
        page = asyncio.run(_run(BENCHES[name])).markdown()
        print(page)  # noqa: T201  # the output of the command
        pages.append(page)
    if asked.out:
        asked.out.write_text("\n".join(pages))


async def _run(bench: Callable[[], Awaitable[Table]]) -> Table:
    return await bench()


if __name__ == "__main__":
    main()
