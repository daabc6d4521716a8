"""The rules of the house that no linter knows: headers, lengths, nothing of this machine."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("kube", "scalers", "eventscaler", "nodescaler", "tandem")
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_file_says_what_it_is_for_and_stays_short(path: Path) -> None:
    source = path.read_text()

    assert source.count("\n") <= 400, "split it: no file is longer than 400 lines"
    assert ast.get_docstring(ast.parse(source)), "say in a header what it is for"


def test_nothing_names_a_machine_or_a_registry() -> None:
    """A clone must work anywhere: no absolute home, no package index, no mock."""
    faults = []
    forbidden = re.compile(
        r"(?<![\w.])/(?:work|root)/[a-z]|index-url|--find-links|unittest\.mock|import MagicMock"
    )
    for path in TRACKED:
        if path.suffix in {".py", ".toml", ".txt", ".yaml", ".md", ".go", ".mod", ".sh", ""}:
            text = path.read_text(errors="replace")
            if path != Path(__file__) and path.name != "pyproject.toml" and forbidden.search(text):
                faults.append(_name(path))

    assert faults == []


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=!~ ]", line)[0].lower().replace("_", "-") for line in wanted}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}

    assert names - pinned == set()
    assert all(re.fullmatch(r"[\w.-]+==[\w.+!-]+", line) for line in lines)
