"""`filePath`: a JSON map of parameters in a file that the operator's own pod holds.

Only below the root that the operator was started with, links included: who may write a
ClusterTriggerAuthentication must not read the operator's own files through it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from eventscaler.auth.objects import AuthFault, Ref
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import File
from scalers.base import Secret

FILE = "File"
LARGEST = 2**20


async def file(source: File, where: Where) -> Fetched:
    root = where.settings.file_root
    if not root:
        raise AuthFault(
            f"filePath {source.path}: the operator was started without --filepath-auth-root-path"
        )
    path = Path(root) / source.path
    version, text = await asyncio.to_thread(_read, Path(root), path)
    where.objects.note(Ref(FILE, "", str(path)), version)
    if text is None:
        raise AuthFault(f"file {path} does not exist")
    return Fetched({name: Secret(value) for name, value in _parameters(text, path).items()})


def signatures(paths: Iterable[str]) -> dict[str, str]:
    """By path what changes with each new content, "" for no such file; blocks."""
    return {path: _signature(Path(path)) for path in paths}


def _signature(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_dev}.{found.st_ino}.{found.st_size}.{found.st_mtime_ns}"


def _read(root: Path, path: Path) -> tuple[str, str | None]:
    """Signature and text of a file; blocks."""
    version = _signature(path)  # first: a change in between is seen at the next look
    if not version:
        return version, None
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            raise AuthFault(f"file {path} leads out of {root}")
        with real.open("rb") as held:
            raw = held.read(LARGEST + 1)
    except OSError as error:
        raise AuthFault(f"file {path} cannot be read: {error.strerror}") from error
    if len(raw) > LARGEST:
        raise AuthFault(f"file {path} is larger than {LARGEST} bytes")
    try:
        return version, raw.decode()
    except UnicodeDecodeError:
        raise AuthFault(f"file {path} is not text in UTF-8") from None


def _parameters(text: str, path: Path) -> dict[str, str]:
    """The map in *text*; what is wrong is told without a word of it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise AuthFault(f"file {path} is not JSON") from None
    if not isinstance(found, dict):
        raise AuthFault(f"file {path} is not a JSON object of texts")
    odd = sorted(name for name, value in found.items() if not isinstance(value, str))
    if odd:
        raise AuthFault(f"file {path}: '{odd[0]}' is not a text")
    return found
