"""Where the API server is and who we are: kubeconfig, in-cluster account, exec plugins.

Reading is left to the `kubernetes` package. This module finds the file, names what is wrong in one
sentence, and keeps short-lived credentials fresh. No message quotes a value, nor the package's own
messages: those print whole users with their tokens. Files are read and plugins run off the loop.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import incluster_config, kube_config
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.exec_provider import ExecProvider

from kube.errors import Unavailable
from kube.http import HttpTransport

RELOAD_S = 60.0  # tokens in files are replaced long before they expire
HOME_CONFIG = "~/.kube/config"
ACCOUNT = Path(incluster_config.SERVICE_TOKEN_FILENAME).parent
UNREADABLE = (ConfigException, yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError)

Node = kube_config.ConfigNode


class ConfigError(Exception):
    """No usable configuration; the message says which file or context, and what would do."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one reading of the configuration gave. The repr shows no secret."""

    server: str
    namespace: str
    settings: Configuration = field(repr=False)

    @property
    def authorization(self) -> Mapping[str, str]:
        token = str(self.settings.api_key.get("BearerToken", "")).strip()
        return {"Authorization": token} if token else {}


class Reloading:
    """Credentials that are read again every `RELOAD_S`, and at once after a refusal."""

    def __init__(
        self, first: Found, tls: ssl.SSLContext | None, read: Callable[[], Awaitable[Found]]
    ) -> None:
        self._headers = first.authorization
        self._tls = tls
        self._read = read
        self._lock = asyncio.Lock()
        self._good_until = asyncio.get_running_loop().time() + RELOAD_S

    async def headers(self) -> Mapping[str, str]:
        async with self._lock:
            if asyncio.get_running_loop().time() >= self._good_until:
                await self._reload()
        return self._headers

    def refused(self) -> None:
        self._good_until = 0.0

    async def _reload(self) -> None:
        try:
            found = await self._read()
        except ConfigError as error:
            raise Unavailable(f"no fresh credentials: {error}") from error
        self._headers = found.authorization
        if self._tls is not None:
            await asyncio.to_thread(present_certificate, self._tls, found.settings)
        self._good_until = asyncio.get_running_loop().time() + RELOAD_S


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """One API server and how to prove to it who we are. The repr shows no secret."""

    server: str
    namespace: str = "default"
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
    credentials: Reloading | None = field(default=None, repr=False)


def connect(config: ClusterConfig) -> HttpTransport:
    return HttpTransport(
        config.server,
        tls=config.tls,
        server_name=config.server_name,
        credentials=config.credentials,
        proxy=config.proxy,
    )


async def load(kubeconfig: str | None = None, context: str | None = None) -> ClusterConfig:
    """Find a cluster: the file given, $KUBECONFIG, the account of the pod, or ~/.kube/config.

    Args:
        kubeconfig: a path, or several joined as in $KUBECONFIG.
        context: a context of the file; its current one when None.

    Raises:
        ConfigError: nothing found, or nothing usable.
    """
    named = kubeconfig or os.environ.get("KUBECONFIG")
    in_pod = incluster_config.SERVICE_HOST_ENV_NAME in os.environ
    if not named and not context and in_pod:
        return await _cluster(lambda: asyncio.to_thread(in_cluster))
    paths = named or HOME_CONFIG
    return await _cluster(lambda: from_files(paths, context))


async def _cluster(read: Callable[[], Awaitable[Found]]) -> ClusterConfig:
    found = await read()
    tls = await asyncio.to_thread(tls_of, found) if found.server.startswith("https") else None
    return ClusterConfig(
        server=found.server,
        namespace=found.namespace,
        tls=tls,
        server_name=found.settings.tls_server_name,
        proxy=found.settings.proxy,
        credentials=Reloading(found, tls, read),
    )


def in_cluster(account: Path = ACCOUNT) -> Found:
    """The service account that Kubernetes mounts into a pod."""
    settings = _blank()
    token, authority = str(account / "token"), str(account / "ca.crt")
    try:
        incluster_config.InClusterConfigLoader(
            token, authority, try_refresh_token=False
        ).load_and_set(settings)
        namespace = (account / "namespace").read_text().strip()
    except (ConfigException, OSError) as error:
        told = f"no service account at {account}"
        would_do = "set automountServiceAccountToken, or give --kubeconfig"
        raise ConfigError(f"{told} ({type(error).__name__}); {would_do}") from None
    return Found(settings.host, namespace, settings)


async def from_files(paths: str, context: str | None) -> Found:
    """The cluster and the user of a context."""
    merged = await asyncio.to_thread(_merge, paths)
    where = f"kubeconfig {paths}"
    chosen = _context(merged, where, context)
    user = _named(merged, "users", str(chosen.get("user", "")))
    if user is not None and "exec" in user:
        await _run_plugin(user)
    cluster = _named(merged, "clusters", str(chosen.get("cluster", "")))
    if not (cluster or {}).get("server"):
        told = f"{where}: cluster {chosen.get('cluster')!r} of the context has no server"
        raise ConfigError(told)
    settings = _blank()
    try:
        loader = kube_config.KubeConfigLoader(merged, context, config_base_path=None)
        if loader.provider is None:
            await asyncio.to_thread(_run_through, loader.load_and_set(settings))
        else:  # asks over the network
            await loader.load_and_set(settings)
    except (*UNREADABLE, OSError) as error:
        told = f"{where}: the user or cluster of the context cannot be used"
        raise ConfigError(f"{told} ({type(error).__name__})") from None
    return Found(settings.host, str(chosen.get("namespace") or "default"), settings)


def _run_through(reading: Coroutine[None, None, None]) -> None:
    """Run a coroutine that only reads files, in a thread without a loop."""
    with suppress(StopIteration):
        reading.send(None)


def _merge(paths: str) -> Node:
    found = [Path(path).expanduser() for path in paths.split(os.pathsep) if path]
    if not any(path.is_file() for path in found):
        told = f"no kubeconfig at {paths}; give --kubeconfig, set KUBECONFIG, or run in a pod"
        raise ConfigError(told)
    try:
        merged: Node = kube_config.KubeConfigMerger(paths).config
        if not {"contexts", "clusters"} <= set(merged.value):
            raise ValueError(paths)
    except UNREADABLE as error:
        raise ConfigError(
            f"kubeconfig {paths}: not a kubeconfig ({type(error).__name__})"
        ) from None
    return merged


def _context(merged: Node, where: str, name: str | None) -> Mapping[str, Any]:
    name = name or merged.safe_get("current-context")
    known = _entries(merged, "contexts")
    choice = ", ".join(known) or "(none)"
    if not name:
        raise ConfigError(f"{where}: no current context; choose one of {choice}")
    if name not in known:
        raise ConfigError(f"{where}: no context {name!r}; there are {choice}")
    return known[name]


def _named(merged: Node, section: str, name: str) -> dict[str, Any] | None:
    return _entries(merged, section).get(name)


def _entries(merged: Node, section: str) -> dict[str, dict[str, Any]]:
    """The entries of a section themselves, not copies: a plugin's answer is written into one."""
    found = {}
    for item in merged.value.get(section) or ():
        entry = item.value
        if not isinstance(entry, dict) or "name" not in entry:
            raise ConfigError(f"kubeconfig: an entry of {section!r} has no name")
        found[str(entry["name"])] = entry.get(section.removesuffix("s")) or {}
    return found


async def _run_plugin(user: dict[str, Any]) -> None:
    """Put what the user's plugin answers in the plugin's place."""
    plugin = Node("exec", user.pop("exec"))
    command = repr(plugin.safe_get("command"))
    try:
        status = await ExecProvider(plugin).run()
    except FileNotFoundError:
        raise ConfigError(f"the credential plugin {command} is not on PATH") from None
    except (*UNREADABLE, OSError):
        told = f"the credential plugin {command} gave no credential; run it by hand to see why"
        raise ConfigError(told) from None
    if "token" in status:
        user["token"] = status["token"]
    for ours, theirs in CERTIFICATE.items():
        if theirs in status:
            user[ours] = base64.b64encode(status[theirs].encode()).decode()


CERTIFICATE = {
    "client-certificate-data": "clientCertificateData",
    "client-key-data": "clientKeyData",
}


def tls_of(found: Found) -> ssl.SSLContext:
    """Whom to trust and what to show. Not strict RFC 5280: the CAs of many clusters fail that."""
    settings = found.settings
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    except (ssl.SSLError, OSError):
        raise ConfigError("the cluster's certificate authority is not readable PEM") from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not settings.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    present_certificate(context, settings)
    return context


def present_certificate(context: ssl.SSLContext, settings: Configuration) -> None:
    """Show the client certificate on connections made from now on."""
    if not settings.cert_file:
        return
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    except (ssl.SSLError, OSError):
        raise ConfigError("the user's client certificate and key are not readable PEM") from None


def _blank() -> Configuration:
    """Settings of no cluster; calling the class itself would copy process-wide defaults."""
    settings: Configuration = type.__call__(Configuration)
    return settings
