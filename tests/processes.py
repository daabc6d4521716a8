"""Server processes of a test run: started with a log, ended by pid, never left behind.

A server dies with the process that started it, however that ends (Linux: parent-death signal).
"""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.02
END_S = 10.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Server:
    """One running program; `log` holds what it wrote."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name, self.log = Path(command[0]).name, log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environ,
                cwd=folder,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - the child only calls prctl
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Return when *ready*; raise with the log's end when the program dies or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            code = self._process.poll()
            if code is not None:
                raise RuntimeError(f"{self.name} ended with {code}; its log ends:\n{self.tail()}")
            if time.monotonic() > deadline:
                late = f"{self.name} is not ready after {timeout_s:.0f} s; its log ends:"
                raise TimeoutError(f"{late}\n{self.tail()}")
            time.sleep(POLL_S)

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Its exit code, once it has ended by itself."""
        return self._process.wait(timeout_s)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _die_with_parent() -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all are held until the last is known, so they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports
