"""`make test`: everything that is present, on all cores, with the skipped listed at the end.

Arguments and PYTEST_ADDOPTS go to pytest, so `python -m tests.run -k cron` narrows the run.
"""

from __future__ import annotations

import sys

import pytest


def main() -> int:
    # One group a worker: a file's tests share the servers that its first test started.
    return int(pytest.main(["--numprocesses=2", "--dist=loadgroup", "-q", *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
