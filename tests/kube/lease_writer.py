"""A process that writes while it leads: `python -m tests.kube.lease_writer URL NAME`.

It prints "leading" after the first writes of a term, "refused" at its end, and "stopped", a word a
line, for the test that pauses and resumes it.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from datetime import UTC, datetime

from kube.client import Client, ClientSettings
from kube.errors import NotLeading
from kube.http import HttpTransport
from kube.lease import Candidacy, Elector
from kube.resources import CONFIG_MAPS
from kube.values.lease import Terms

LEASE_S, RENEW_S, RETRY_S = 1.0, 0.6, 0.1
PERIOD_S = 0.005
WELL_BEGUN = 10


async def main(url: str, identity: str) -> None:
    transport = HttpTransport(url)
    candidacy = Candidacy(
        client=Client(transport),
        namespace="kube-system",
        identity=identity,
        now=lambda: datetime.now(UTC),
        terms=Terms(LEASE_S, RENEW_S, RETRY_S),
    )
    elector = Elector(candidacy, "tandem")
    client = Client(transport, settings=ClientSettings(per_s=1000), gate=elector.gate)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncio.TaskGroup() as group:
        electing = group.create_task(elector.run())
        writing = group.create_task(write(client, elector, identity))
        await stop.wait()
        writing.cancel()  # first whoever writes, then the Lease
        await asyncio.wait([writing])
        electing.cancel()
    await transport.close()
    say("stopped")


async def write(client: Client, elector: Elector, identity: str) -> None:
    """Write without asking whether we lead: the gate alone must hold us back."""
    while True:
        await elector.wait_leading()
        body = {"metadata": {"generateName": "x-", "labels": {"writer": identity}}}
        try:
            for number in itertools.count(1):
                if number == WELL_BEGUN:
                    say("leading")
                await client.create(CONFIG_MAPS, body, namespace="shop")
                await asyncio.sleep(PERIOD_S)
        except NotLeading:
            say("refused")


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
