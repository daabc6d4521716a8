"""`make test`: everything that is present, on all cores, with the skipped listed at the end.

Arguments and PYTEST_ADDOPTS go to pytest, so `python -m tests.run -k cron` narrows the run.
"""

from __future__ import annotations

import sys

import pytest


def main() -> int:
    # One file, one worker: its tests share the servers that the first of them started. (loadgroup
    # would say it finer, but xdist 3.8 writes groups where pytest 9.2 no longer reads them.)
    return int(pytest.main(["--numprocesses=2", "--dist=loadfile", "-q", *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
