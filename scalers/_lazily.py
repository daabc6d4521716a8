"""Modules whose libraries are heavy, imported when a trigger first needs them.

An import reads files and takes a tenth of a second, so it happens in a thread; the memory of a
library is spent only where a trigger uses it.
"""

from __future__ import annotations

import asyncio
import importlib

_READY: set[str] = set()


async def imported(name: str) -> None:
    """Have the module *name* in memory; a plain `import` of it then reads no file."""
    if name not in _READY:  # sys.modules would not do: it also holds what is still being imported
        await asyncio.to_thread(importlib.import_module, name)
        _READY.add(name)
