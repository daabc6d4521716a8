"""A certificate for a server of ours that has none: an authority of its own, and what it signed.

Elliptic keys: one costs a millisecond. The authority's own key is thrown away; whoever needs
another certificate makes another authority and publishes it.

Source: https://datatracker.ietf.org/doc/html/rfc5280#section-4.2
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=365)
SKEW = timedelta(hours=1)  # a caller's clock may be behind ours
MOST_BUNDLED = 16  # authorities; older ones belong to processes that are long gone
LONGEST_NAME = 64  # of a subject; longer names stand among the alternatives only


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What a server shows and keeps, and whom a client must trust; all PEM."""

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def self_signed(names: Sequence[str], now: datetime, lifetime: timedelta = LIFETIME) -> KeyPair:
    """A server certificate for *names* (DNS or addresses), and the authority it is good under."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    valid = (now - SKEW, now + lifetime)
    authority = _authority(authority_key, valid)
    leaf = _leaf(names, key, authority, authority_key, valid)
    return KeyPair(
        authority=authority.public_bytes(Encoding.PEM),
        certificate=leaf.public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def expires(certificate: bytes) -> datetime:
    """When the first certificate of a PEM ends.

    Raises:
        ValueError: there is none in it.
    """
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def bundled(known: bytes, added: bytes, now: datetime) -> bytes:
    """The authorities of *known* that still count, and *added* behind them, each once.

    For several servers behind one name. What cannot be read in *known* is left out: a bundle with
    it would be refused as a whole.
    """
    try:
        old = x509.load_pem_x509_certificates(known)
    except ValueError:
        old = []
    new = x509.load_pem_x509_certificate(added)
    kept = [each for each in old if each.not_valid_after_utc > now and each != new]
    chosen = [*kept[1 - MOST_BUNDLED :], new]
    return b"".join(each.public_bytes(Encoding.PEM) for each in chosen)


Valid = tuple[datetime, datetime]


def _authority(key: ec.EllipticCurvePrivateKey, valid: Valid) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    name = _name("tandem")
    return (
        _builder(name, name, key, valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    valid: Valid,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    subject = next((name for name in names if len(name) <= LONGEST_NAME), "tandem")
    return (
        _builder(_name(subject), authority.subject, key, valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(purpose, critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, valid: Valid
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
