"""What a measurement comes to: a Markdown table that says on what machine it was made."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from os import cpu_count

PACKAGES = ("aiohttp", "highspy", "kopf", "msgspec", "numpy")


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        command: how a stranger repeats it.
        rows: a cell a column; the first column names what was measured.
    """

    title: str
    command: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", f"`{self.command}`", ""]
        lines.append("| " + " | ".join(self.header) + " |")
        lines.append("|" + "---|" * len(self.header))
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += ["", *self.notes]
        return "\n".join(lines).rstrip() + "\n"


def machine() -> str:
    """The machine and the versions that the figures depend on; no name of the host."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {packages}"
    )
