"""What is shown while a plan is made, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from rich.console import Console

from tandem.plan.progress import Deaf, beside, progress

PATIENT_S = 20.0


class Screen(io.StringIO):
    """A terminal that tells when it has been shown a word."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.seen = Event()
        self._word = word

    def write(self, text: str) -> int:
        if self._word in text:
            self.seen.set()
        return super().write(text)


def test_a_terminal_is_told_what_is_being_done() -> None:
    screen = Screen("planning 7 pods")
    with progress(Console(file=screen, force_terminal=True), patience_s=0.0) as say:
        say("planning 7 pods")

        assert screen.seen.wait(PATIENT_S)


@pytest.mark.parametrize(
    ("is_terminal", "patience_s"),
    [
        pytest.param(True, PATIENT_S, id="what is done at once"),
        pytest.param(False, 0.0, id="what is written to a file"),
    ],
)
def test_nothing_is_shown_of(is_terminal: bool, patience_s: float) -> None:
    screen = io.StringIO()
    with progress(Console(file=screen, force_terminal=is_terminal), patience_s=patience_s) as say:
        say("planning")

    assert screen.getvalue() == ""


def test_the_answer_comes_from_the_thread() -> None:
    assert beside(lambda stopped: 7 if not stopped.is_set() else 0) == 7


def test_what_the_thread_raises_is_raised() -> None:
    def fails(_: Event) -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        beside(fails)


def test_ctrl_c_stops_the_thread() -> None:
    heard = Event()

    def work(stopped: Event) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        if stopped.wait(PATIENT_S):
            heard.set()

    with pytest.raises(KeyboardInterrupt):
        beside(work)
    assert heard.is_set()


def test_a_thread_that_goes_on_is_told_apart() -> None:
    end = Event()

    def work(_: Event) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        end.wait(PATIENT_S)

    with pytest.raises(Deaf):
        beside(work, farewell_s=0.01)
    end.set()


def test_ctrl_c_ends_the_command_with_a_word(tmp_path: Path) -> None:
    pipe = tmp_path / "pods.yaml"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "tandem", "plan", "-f", str(pipe)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with pipe.open("w"):  # opened when the command reads
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=PATIENT_S)

    assert (process.returncode, out, told) == (130, "", "stopped\n")
