"""Show what is being done when it takes a while, and stay open to Ctrl-C meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event, Thread, Timer
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

T = TypeVar("T")
Say = Callable[[str], None]

PATIENCE_S = 1.0  # what is done before that needs no display
FAREWELL_S = 1.0


class Deaf(KeyboardInterrupt):
    """Ctrl-C came, and the thread goes on: only the end of the process ends it."""


def quiet(_doing: str) -> None:
    """Say nothing."""


@contextmanager
def progress(console: Console, *, patience_s: float = PATIENCE_S) -> Iterator[Say]:
    """A line with a spinner, what is being done and for how long; gone at the end.

    It appears after *patience_s*, and only on a terminal. What is printed meanwhile to the same
    terminal would tear it.
    """
    if not console.is_terminal:
        yield quiet
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    display = Progress(*columns, console=console, transient=True)
    task = display.add_task("starting", total=None)
    timer = Timer(patience_s, display.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda doing: display.update(task, description=doing)
    finally:
        timer.cancel()
        timer.join()
        display.stop()


def beside(work: Callable[[Event], T], *, farewell_s: float = FAREWELL_S) -> T:
    """Do *work* in a thread of its own, so that Ctrl-C is heard at once.

    Args:
        work: gets an event that is set when nobody waits for the answer any more.
        farewell_s: how long it may take to notice that.

    Raises:
        KeyboardInterrupt: Ctrl-C came, and the thread has ended.
        Deaf: it has not, after a moment.
    """
    stopped = Event()
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work(stopped))
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
            answer.set_exception(error)

    thread = Thread(target=run, name="plan", daemon=True)
    try:
        thread.start()
        return answer.result()
    except KeyboardInterrupt:
        stopped.set()
        if thread.is_alive():
            thread.join(farewell_s)
        if thread.is_alive():
            raise Deaf from None
        raise
