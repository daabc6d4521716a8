"""A certificate authority for one test run, and the keys that a control plane needs from it.

Elliptic keys throughout: they cost a millisecond where RSA costs a second.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=2)
AGGREGATED = "aggregated"  # a namespace; the server's certificate is good for every service of it
FRONT_PROXY = "front-proxy-client"  # as whom the API server calls an aggregated server


@dataclass(frozen=True, slots=True)
class Certificates:
    authority: Path
    server: Path
    server_key: Path
    proxy: Path
    proxy_key: Path
    account_key: Path
    account_public: Path


def make(folder: Path) -> Certificates:
    """Write the authority, the certificates that it signed, and the service-account key pair.

    The server certificate is for 127.0.0.1 and for aggregated servers; `proxy` is a client's.
    """
    files = Certificates(
        authority=folder / "ca.crt",
        server=folder / "server.crt",
        server_key=folder / "server.key",
        proxy=folder / "proxy.crt",
        proxy_key=folder / "proxy.key",
        account_key=folder / "accounts.key",
        account_public=folder / "accounts.pub",
    )
    authority_key, server_key, proxy_key, account_key = (
        ec.generate_private_key(ec.SECP256R1()) for _ in "1234"
    )
    authority = _authority(authority_key)
    server = _server(server_key, authority, authority_key)
    proxy = _signed(
        FRONT_PROXY,
        proxy_key,
        authority,
        authority_key,
        x509.SubjectAlternativeName([x509.DNSName(FRONT_PROXY)]),
    )
    files.authority.write_bytes(authority.public_bytes(Encoding.PEM))
    files.server.write_bytes(server.public_bytes(Encoding.PEM))
    files.server_key.write_bytes(_private(server_key))
    files.proxy.write_bytes(proxy.public_bytes(Encoding.PEM))
    files.proxy_key.write_bytes(_private(proxy_key))
    files.account_key.write_bytes(_private(account_key))
    files.account_public.write_bytes(
        account_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return files


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("tandem test authority")
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    names = [x509.DNSName(name) for name in ("localhost", f"*.{AGGREGATED}.svc")]
    alternatives = x509.SubjectAlternativeName([address, *names])
    return _signed("kube-apiserver", key, authority, authority_key, alternatives)


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: x509.SubjectAlternativeName,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(_name(name), authority.subject, key)
        .add_extension(names, critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFETIME)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
