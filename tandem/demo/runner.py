"""Plays the demo: the embedded cluster, the operator, a queue, and a view of all three.

The operator is the one of `tandem run`, given the sandbox's kubeconfig; nothing of it knows that
this is a demo. What is shown is read from the API, not from the operator's memory.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections import deque
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console, RenderableType
from rich.live import Live
from structlog.typing import EventDict

from kube.client import Client
from tandem import log
from tandem.app import RunSettings, operate
from tandem.clock import now
from tandem.demo.brokers import Broker
from tandem.demo.rabbit import open_broker
from tandem.demo.scenario import Scenario
from tandem.demo.timeline import Sample, Summary, summarise
from tandem.demo.view import decision_line, plain, screen
from tandem.demo.world import World
from tandem.errors import BadInput
from tandem.sandbox.cluster import Sandbox, SandboxSettings

REFRESH_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    broker: str = "http"
    messages: int = 300
    as_json: bool = False
    plain: bool = False
    log_level: str = "info"


class Finished(Exception):
    """The demo is over; the samples tell how it went."""


def main(settings: DemoSettings) -> int:
    """Play it; 0 when everything came back to zero, 1 when not, 130 on Ctrl-C."""
    if settings.broker not in {"http", "rabbitmq"}:
        raise BadInput(f"--broker: found {settings.broker!r}; would do: http or rabbitmq")
    return asyncio.run(_main(settings))


async def _main(settings: DemoSettings) -> int:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupted.set)
    demo = Demo(settings, Scenario(messages=settings.messages), interrupted)
    await demo.run()
    return demo.report()


class Demo:
    """One run of the demo; `samples` is what happened."""

    def __init__(
        self, settings: DemoSettings, scenario: Scenario, interrupted: asyncio.Event
    ) -> None:
        self._settings = settings
        self._scenario = scenario
        self._interrupted = interrupted
        self._console = Console(stderr=settings.as_json)
        self._live = self._console.is_terminal and not settings.plain and not settings.as_json
        self._decisions: deque[str] = deque(maxlen=50)
        self._published_at: float | None = None
        self._hint = ""
        self._started = 0.0
        self.samples: list[Sample] = []

    async def run(self) -> None:
        log.configure(level=self._settings.log_level, tail=self._tail())
        async with AsyncExitStack() as stack:
            opened = open_broker(self._settings.broker, self._scenario)
            broker = await stack.enter_async_context(opened)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tandem-demo-")))
            sandbox = Sandbox(SandboxSettings(pod_start_s=self._scenario.pod_start_s), now)
            stack.push_async_callback(sandbox.close)
            kubeconfig = folder / "kubeconfig"
            url = await sandbox.serve()
            kubeconfig.write_text(yaml.safe_dump(sandbox.kubeconfig(url)))  # once
            self._hint = f"kubectl --kubeconfig {kubeconfig} get so,po,no -A"
            self._console.print(f"In another terminal:\n  {self._hint}\n", soft_wrap=True)
            world = World(Client(sandbox.transport()), broker)
            self._started = asyncio.get_running_loop().time()
            try:
                await world.create(self._scenario.manifests(broker.trigger()))
                async with asyncio.TaskGroup() as group:
                    group.create_task(sandbox.run())
                    group.create_task(self._operator(kubeconfig))
                    group.create_task(world.run(work_s=self._scenario.work_s))
                    group.create_task(self._watch(world))
                    group.create_task(self._play(broker))
                    group.create_task(self._until_interrupted())
            except* Finished:
                pass

    def report(self) -> int:
        """Say how it went; the exit code."""
        summary = summarise(self.samples, published_at=self._published_at)
        if self._interrupted.is_set():
            self._console.print("interrupted")
            return 130
        if self._settings.as_json:
            timeline = [sample.to_json() for sample in self.samples]
            sys.stdout.write(json.dumps({"timeline": timeline, **summary.to_json()}) + "\n")
        else:
            self._console.print(_sentence(summary), soft_wrap=True, highlight=False)
        good = self.samples[-1].at_zero and summary.messagesDone == self._settings.messages
        if not good:
            late = f"not back at zero after {self._scenario.longest_s:.0f} s"
            self._console.print(late, style="red", soft_wrap=True)
        return 0 if good else 1

    def _tail(self) -> log.Tail:
        tail = log.Tail(swallow=True)

        def keep(event: EventDict) -> None:
            if "why" not in event:
                return
            line = decision_line(event)
            self._decisions.append(line)
            if not self._live:
                self._console.print(f"         {line}", soft_wrap=True, highlight=False)

        tail.listeners.append(keep)
        return tail

    async def _operator(self, kubeconfig: Path) -> None:
        settings = RunSettings(
            kubeconfig=str(kubeconfig),
            listen="127.0.0.1:0",
            elect=False,
            node_startup_s=self._scenario.node_start_s,
        )
        await operate(settings, asyncio.Event())

    async def _play(self, broker: Broker) -> None:
        await asyncio.sleep(self._scenario.publish_after_s)
        await broker.publish(self._scenario.messages)
        self._published_at = self._seconds()
        while not (broker.done >= self._scenario.messages and self.samples[-1].at_zero):
            await asyncio.sleep(REFRESH_S)
            if self._seconds() > self._scenario.longest_s:
                break
        raise Finished

    async def _until_interrupted(self) -> None:
        await self._interrupted.wait()
        raise Finished

    async def _watch(self, world: World) -> None:
        """Sample the world and show it: a live screen, or a line whenever something changed."""
        shown: Sample | None = None
        view = Live(console=self._console, auto_refresh=False) if self._live else nullcontext()
        with view as live:
            while True:
                sample = await world.sample(self._seconds())
                self.samples.append(sample)
                if live:
                    live.update(self._picture(), refresh=True)
                elif sample.worth_a_line(shown):
                    self._console.print(plain(sample), highlight=False, soft_wrap=True)
                    shown = sample
                await asyncio.sleep(REFRESH_S)

    def _picture(self) -> RenderableType:
        size = self._console.size
        return screen(
            self.samples, self._decisions, hint=self._hint, width=size.width, height=size.height
        )

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._started


def _sentence(summary: Summary) -> str:
    first = summary.firstPodRunningSeconds
    return (
        f"0 → {summary.peakReplicas} replicas → {summary.finalReplicas}, "
        f"0 → {summary.peakNodes} nodes → {summary.finalNodes}; "
        f"{summary.messagesDone} messages done, first pod running {first} s after the first message"
    )
