"""The admission webhook of a process: its certificate, its server, and who trusts it.

A certificate comes from files (a mounted Secret, renewed in place), or is made at the start. A made
one is trusted through the ValidatingWebhookConfiguration: it names the hosts, and its caBundle gets
our authority. Every replica adds its own, so that any of them may answer.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry

from eventscaler.admission.review import Request, Reviewer, Verdict
from eventscaler.handlers import register_admission
from eventscaler.metrics import AdmissionMeters
from kube.certificates import KeyPair, bundled, expires, self_signed
from kube.client import Client, Json
from kube.errors import Conflict, KubeError
from kube.resources import VALIDATING_WEBHOOK_CONFIGURATIONS
from kube.values.backoff import Backoff
from kube.values.times import Now
from tandem import flags
from tandem.clock import now
from tandem.errors import BadInput
from tandem.handlers import Load, Registry, across, host, server_at

log = structlog.get_logger()

CERTIFICATE, KEY = "tls.crt", "tls.key"
RENEW_BEFORE = timedelta(days=30)
AGAIN_S = 600.0  # somebody may apply the configuration anew, without our authority
PATIENCE = Backoff(ceiling_s=30.0)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where it listens and what it shows.

    Attributes:
        certificates: folder with tls.crt and tls.key; None makes a certificate.
        configuration: the ValidatingWebhookConfiguration that leads here; "" when certificates are
            given, because then its caBundle is somebody else's work.
        strict: a key that a trigger does not read refuses the object.
    """

    address: str
    port: int
    certificates: Path | None = None
    configuration: str = ""
    strict: bool = False


def webhook_of(
    listen: str, certificates: Path | None, configuration: str, *, strict: bool
) -> WebhookSettings | None:
    """What the flags of `tandem run` ask for; None for no webhook.

    Raises:
        BadInput: what can never work: no certificate, and no way to make one known.
    """
    if not listen:
        return None
    address, port = flags.address("--webhook", listen)
    if certificates is None and not configuration:
        raise BadInput(
            "--webhook: found no certificate; would do: --webhook-certificates FOLDER, or "
            "--webhook-configuration NAME, whose hosts a made one is for"
        )
    missing = [
        str(certificates / name)
        for name in (CERTIFICATE, KEY)
        if certificates is not None and not (certificates / name).is_file()
    ]
    if certificates is not None and missing:
        raise BadInput(
            f"--webhook-certificates: {missing[0]} is not there; would do: a folder with "
            f"{CERTIFICATE} and {KEY}"
        )
    return WebhookSettings(address, port, certificates, configuration, strict=strict)


async def serve(
    settings: WebhookSettings, client: Client, load: Load, registry: CollectorRegistry
) -> NoReturn:
    """Answer the API server until cancelled.

    The *client* has no gate: a replica that does not lead answers too.
    """
    reviewer = Reviewer(client, AdmissionMeters(registry), strict=settings.strict)
    async with asyncio.TaskGroup() as group:
        group.create_task(reviewer.run())
        if settings.certificates is not None:
            await _listen(settings, settings.certificates, reviewer.review, load)
        hosts = await _hosts(client, settings.configuration)
        with TemporaryDirectory() as folder:
            made = OwnCertificate(client, settings.configuration, hosts, Path(folder), now)
            await made.write()
            group.create_task(made.keep_trusted())
            await _listen(settings, Path(folder), reviewer.review, load)
    raise AssertionError("unreachable")


async def _listen(
    settings: WebhookSettings,
    folder: Path,
    review: Callable[[Request], Coroutine[Any, Any, Verdict]],
    load: Load,
) -> NoReturn:
    handlers = Registry()
    register_admission(handlers, across(review, asyncio.get_running_loop()))
    server = server_at(settings.address, settings.port, folder / CERTIFICATE, folder / KEY)
    where = f"https://{settings.address}:{settings.port}"
    log.info("serving", object=where, why="admission")
    await host(handlers, load, _nothing_missed, server)


async def _nothing_missed() -> None:
    """A question that nobody answered is not asked again."""


async def _hosts(client: Client, name: str) -> list[str]:
    """The hosts at which the configuration *name* expects us; waits until it is there."""
    failures = 0
    while True:
        try:
            found = await client.get(VALIDATING_WEBHOOK_CONFIGURATIONS, name)
            hosts = sorted(set(hosts_of(found)))
            if hosts:
                return hosts
            why = "it names no host"
        except KubeError as error:
            why = str(error)
        failures += 1
        again_s = PATIENCE.after(failures)
        _waits(name, why, again_s)
        await asyncio.sleep(again_s)


def hosts_of(configuration: Json) -> Iterator[str]:
    """Names of services and hosts of URLs.

    >>> service = {"service": {"namespace": "a", "name": "b"}}
    >>> url = {"url": "https://127.0.0.1:9443/x"}
    >>> list(hosts_of({"webhooks": [{"clientConfig": service}, {"clientConfig": url}]}))
    ['b.a.svc', '127.0.0.1']
    """
    for webhook in configuration.get("webhooks") or ():
        config = webhook.get("clientConfig") or {}
        service = config.get("service")
        if service:
            yield f"{service['name']}.{service['namespace']}.svc"
        host_of_url = urlsplit(config.get("url") or "").hostname
        if host_of_url:
            yield host_of_url


class OwnCertificate:
    """A certificate of our own making for *hosts*, in *folder*, trusted by a configuration."""

    def __init__(
        self, client: Client, name: str, hosts: Sequence[str], folder: Path, clock: Now
    ) -> None:
        self._client = client
        self._clock = clock
        self._name = name
        self._hosts = hosts
        self._folder = folder
        self._pair = self_signed(hosts, clock())

    async def write(self) -> None:
        """Put it into the folder; kopf looks for new files each minute."""
        await asyncio.to_thread(_write, self._folder, self._pair)

    async def keep_trusted(self) -> NoReturn:
        """Write our authority where it is missing, now and later; renew before the end."""
        failures = 0
        while True:
            if expires(self._pair.certificate) - self._clock() < RENEW_BEFORE:
                self._pair = self_signed(self._hosts, self._clock())
                await self.write()
            try:
                await self._trust()
                failures, again_s = 0, AGAIN_S
            except Conflict:
                again_s = 0.0
            except KubeError as error:
                failures += 1
                again_s = PATIENCE.after(failures)
                _waits(self._name, str(error), again_s)
            await asyncio.sleep(again_s)

    async def _trust(self) -> None:
        """Put our authority into every caBundle; write only when one lacks it."""
        found = await self._client.get(VALIDATING_WEBHOOK_CONFIGURATIONS, self._name)
        changed = False
        for webhook in found.get("webhooks") or ():
            config = webhook["clientConfig"]
            known = b64decode(config.get("caBundle") or "")
            if self._pair.authority in known:
                continue
            bundle = bundled(known, self._pair.authority, self._clock())
            config["caBundle"] = b64encode(bundle).decode()
            changed = True
        if changed:
            await self._client.replace(VALIDATING_WEBHOOK_CONFIGURATIONS, found)
            what = f"ValidatingWebhookConfiguration/{self._name}"
            log.info("trusted", object=what, why="our authority is in its caBundle")


def _write(folder: Path, pair: KeyPair) -> None:
    (folder / CERTIFICATE).write_bytes(pair.certificate)
    (folder / KEY).touch(mode=0o600)
    (folder / KEY).write_bytes(pair.key)


def _waits(name: str, why: str, again_s: float) -> None:
    log.warning(
        "webhook not trusted yet",
        object=f"ValidatingWebhookConfiguration/{name}",
        decided=f"again in {again_s:g} s",
        why=why,
    )
