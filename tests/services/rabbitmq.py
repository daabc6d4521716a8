"""A RabbitMQ of the test run's own: AMQP, AMQP over TLS, the management API, a second virtual host.

Erlang's port mapper runs on a port of its own, in the foreground, so that it ends with the broker.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, build_opener
from urllib.request import Request as HttpRequest

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests import certificates
from tests.processes import Server, free_ports

# Debian's /usr/sbin/rabbitmq-server changes user when root runs it; this one does not.
SCRIPTS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path("/usr/sbin/rabbitmq-server"))
PLUGINS = "[rabbitmq_management,rabbitmq_auth_mechanism_ssl,rabbitmq_auth_backend_oauth2].\n"
KEY_ID = "tests"  # of the key that signs tokens
USER, PASSWORD = "tandem", "swordfish-9"
VHOST = "other/host"
CERTIFICATE_USER = "kube-apiserver"  # the common name of `tests.certificates`' server
START_S = 90.0


@dataclass(frozen=True, slots=True)
class RabbitMq:
    """Addresses of a broker.

    `amqps`, `files` and `signer` (a PEM: tokens that it signs are accepted over HTTP, for the
    audience `rabbitmq`) are empty for one that was not started here.
    """

    amqp: str
    http: str
    amqps: str = ""
    files: certificates.Certificates | None = None
    signer: str = ""


def script() -> Path | None:
    return next((path for path in SCRIPTS if path.exists()), None)


@contextmanager
def started(folder: Path) -> Iterator[RabbitMq]:
    command = script()
    assert command is not None, "the fixture has looked"
    amqp, amqps, http, epmd_port, dist = free_ports(5)
    files = certificates.make(folder)
    signer = rsa.generate_private_key(65537, 2048)
    (folder / "signer.pem").write_bytes(
        signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    _configure(folder, files, amqp, amqps, http)
    environ = _environ(folder, amqp, epmd_port, dist)
    epmd = Server(["epmd", "-port", str(epmd_port), "-address", "127.0.0.1"], folder / "epmd.log")
    try:
        # Its own folder, because Mnesia dumps its core where it was started.
        server = Server([str(command)], folder / "rabbitmq.log", environ, folder)
        try:
            api = f"http://127.0.0.1:{http}"
            # The management API answers a moment before the broker listens.
            server.wait_until(lambda: _answers(api) and _listens(amqp) and _listens(amqps), START_S)
            _set_up(api)
            user = f"{USER}:{PASSWORD}@127.0.0.1"
            yield RabbitMq(
                amqp=f"amqp://{user}:{amqp}/",
                http=f"http://{user}:{http}/",
                amqps=f"amqps://{user}:{amqps}/",
                files=files,
                signer=signer.private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
                ).decode(),
            )
        finally:
            server.stop(signal.SIGKILL)  # nothing of it is kept, and a polite end takes six seconds
    finally:
        epmd.stop()


def change(url: str, method: str, path: str, body: str = "{}") -> None:
    """Write through the management API at *url*, as the administrator."""
    api = f"http://{urlsplit(url).netloc.rpartition('@')[2]}"
    request = HttpRequest(f"{api}/api/{path}", body.encode(), method=method)
    request.add_header("Content-Type", "application/json")
    _opener(api).open(request, timeout=10).close()


def _configure(
    folder: Path, files: certificates.Certificates, amqp: int, amqps: int, http: int
) -> None:
    (folder / "plugins").write_text(PLUGINS)
    (folder / "rabbitmq.conf").write_text(
        f"""
listeners.tcp.1 = 127.0.0.1:{amqp}
listeners.ssl.1 = 127.0.0.1:{amqps}
ssl_options.cacertfile = {files.authority}
ssl_options.certfile = {files.server}
ssl_options.keyfile = {files.server_key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = EXTERNAL
auth_backends.1 = internal
auth_backends.2 = rabbit_auth_backend_oauth2
auth_oauth2.resource_server_id = rabbitmq
auth_oauth2.default_key = {KEY_ID}
auth_oauth2.signing_keys.{KEY_ID} = {folder / "signer.pem"}
management.enable_uaa = true
management.uaa_client_id = whoever-has-a-token
management.uaa_location = http://127.0.0.1
management.tcp.ip = 127.0.0.1
management.tcp.port = {http}
default_user = {USER}
default_pass = {PASSWORD}
collect_statistics_interval = 1000
management.rates_mode = basic
management.sample_retention_policies.global.minute = 1
management.sample_retention_policies.basic.minute = 1
management.sample_retention_policies.detailed.minute = 1
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 1MB
"""
    )


def _environ(folder: Path, amqp: int, epmd: int, dist: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        # Without this the script stays as Erlang's parent, and its end would leave the broker.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_NODENAME": f"tandem{amqp}@localhost",
        "RABBITMQ_NODE_PORT": str(amqp),
        "RABBITMQ_DIST_PORT": str(dist),
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
    }


def _set_up(api: str) -> None:
    """A second virtual host, and a user that logs in by certificate."""
    change(api, "PUT", "vhosts/" + VHOST.replace("/", "%2F"), "{}")
    change(api, "PUT", f"users/{CERTIFICATE_USER}", '{"password_hash": "", "tags": ""}')
    rights = '{"configure": ".*", "write": ".*", "read": ".*"}'
    change(api, "PUT", f"permissions/%2F/{CERTIFICATE_USER}", rights)
    change(api, "PUT", f"permissions/{VHOST.replace('/', '%2F')}/{USER}", rights)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers(api: str) -> bool:
    try:
        with _opener(api).open(f"{api}/api/overview", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _opener(api: str):  # type: ignore[no-untyped-def]  # urllib's opener has no public type
    passwords = HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, api, USER, PASSWORD)
    return build_opener(HTTPBasicAuthHandler(passwords))
