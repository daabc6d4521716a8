"""How long a stranger waits: `make demo` or `make test` from a fresh clone, and once more.

    python -m tests.bench.setup demo      cold and warm `make demo`
    python -m tests.bench.setup test      cold and warm `make test`

Cold is a new clone of what is committed, in a folder with a space in its name, without a virtual
environment and with pip's cache switched off; warm is the same command again at once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.table import Table, machine

ROOT = Path(__file__).parents[2]
GIT = ("git", "-c", "advice.detachedHead=false")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds until the program itself first said something, and until it ended."""

    first_s: float
    whole_s: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.setup", description=__doc__)
    parser.add_argument("target", choices=["demo", "test"])
    target: str = parser.parse_args().target
    print(f"Measured on {machine()}.\n\n{measure(target).markdown()}")  # noqa: T201  # the output of the command


def measure(target: str) -> Table:
    """A clone, `make` in it, and `make` again."""
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as name:
        clone = Path(name) / "a fresh clone"
        subprocess.run([*GIT, "clone", "--quiet", str(ROOT), str(clone)], check=True)
        rows = [_row(state, _timed(clone, target)) for state in ("cold", "warm")]
    return Table(
        f"`make {target}`, cold and warm",
        f"python -m tests.bench.setup {target}",
        ("state", f"until `{target}` itself begins, s", "until it has ended, s"),
        rows,
        ("Cold: a fresh clone, no virtual environment, no cache of pip's.",),
    )


def _row(state: str, took: Timing) -> tuple[str, str, str]:
    return state, f"{took.first_s:.1f}", f"{took.whole_s:.1f}"


def _timed(clone: Path, target: str) -> Timing:
    """Run `make`, passing on what it says.

    Raises:
        SystemExit: it failed; its exit code is ours.
    """
    environ = os.environ | {"PIP_NO_CACHE_DIR": "1", "PYTHONUNBUFFERED": "1"}
    environ.pop("VIRTUAL_ENV", None)
    command = ["make", "--no-print-directory", target]
    began, first = time.monotonic(), None
    with subprocess.Popen(
        command, cwd=clone, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if first is None and not line.startswith("installing"):
                first = time.monotonic() - began
            sys.stderr.write(line)
    whole = time.monotonic() - began
    if process.returncode:
        raise SystemExit(process.returncode)
    return Timing(whole if first is None else first, whole)


if __name__ == "__main__":
    main()
