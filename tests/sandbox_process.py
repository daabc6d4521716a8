"""The embedded cluster as a process of its own, so that a test reaches it as it reaches a real one.

`python -m tests.sandbox_process FILE [--controllers]` writes its address into FILE once it answers.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tandem.clock import now
from tandem.sandbox.cluster import Sandbox, SandboxSettings


def _forget_the_past(sandbox: Sandbox) -> None:
    """Start as a cluster that is older than some minutes: its first versions are expired."""
    store = sandbox.api.state.store
    for _, table in store.tables():
        table.compact(store.revision)


async def serve(address: Path, *, controllers: bool) -> None:
    sandbox = Sandbox(SandboxSettings(), now)
    _forget_the_past(sandbox)
    url = await sandbox.serve()
    scratch = address.with_suffix(".new")
    scratch.write_text(url)
    scratch.rename(address)
    if controllers:
        await sandbox.run()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), controllers="--controllers" in sys.argv[2:]))
