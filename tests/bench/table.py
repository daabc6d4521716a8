"""What a measurement comes to: a Markdown table that says on what machine it was made."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
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


def with_tables(page: str, tables: Iterable[Table]) -> str:
    """*page* with each table in the place of the section of its title, at the end where none is.

    A section begins with its title as a heading of the second level and ends before the next.
    """
    parts = page.split("\n## ")
    titles = {part.split("\n", 1)[0]: number for number, part in enumerate(parts) if number}
    for table in tables:
        text = table.markdown().removeprefix("## ")
        if table.title in titles:
            parts[titles[table.title]] = text
        else:
            parts.append(text)
    return "\n## ".join(f"{part.rstrip()}\n" for part in parts)
