"""`filePath`: what a file yields, and that no path leads out of the root."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from eventscaler.auth import AuthFault, AuthSettings, Ref, Where
from eventscaler.auth.files import FILE, LARGEST
from eventscaler.auth.sources import fetch
from eventscaler.decode.sources import File
from tests.eventscaler.auth.tools import placed, shown

CANARY = "s3cr3t-canary-7f"


@pytest.fixture
async def where(tmp_path: Path) -> AsyncIterator[Where]:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.json").write_text(f'{{"password": "{CANARY}"}}')
    async with placed() as place:
        yield replace(place.where(), settings=AuthSettings(file_root=str(root)))


def root_of(where: Where) -> Path:
    return Path(where.settings.file_root)


async def test_a_map_of_parameters(where: Where) -> None:
    path = root_of(where) / "team" / "a.json"
    path.parent.mkdir()
    path.write_text(f'{{"username": "eve", "password": "{CANARY}"}}')
    found = await fetch(File("team/a.json"), where)

    assert shown(found.values) == {"username": "eve", "password": CANARY}
    assert list(where.objects.used) == [Ref(FILE, "", str(path))]


async def test_a_secret_as_kubernetes_mounts_it(where: Where) -> None:
    """Links to a folder that is swapped at each change; all of them within the root."""
    root = root_of(where)
    (root / "..2026").mkdir()
    (root / "..2026" / "a.json").write_text('{"a": "b"}')
    (root / "..data").symlink_to("..2026")
    (root / "a.json").symlink_to("..data/a.json")

    assert shown((await fetch(File("a.json"), where)).values) == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{CANARY}", "is not JSON"),
        (f'["{CANARY}"]', "is not a JSON object of texts"),
        (f'{{"port": 5672, "password": "{CANARY}"}}', "'port' is not a text"),
        ("[" * 100_000, "is not JSON"),
        (" " * (LARGEST + 1), f"is larger than {LARGEST} bytes"),
    ],
    ids=["text", "list", "number", "deep", "large"],
)
async def test_what_is_no_map(where: Where, text: str, told: str) -> None:
    path = root_of(where) / "a.json"
    path.write_text(text)
    with pytest.raises(AuthFault) as fault:
        await fetch(File("a.json"), where)

    assert told in str(fault.value)
    assert str(path) in str(fault.value)
    assert CANARY not in str(fault.value)
    assert fault.value.__cause__ is None


async def test_a_file_that_is_no_text(where: Where) -> None:
    (root_of(where) / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(AuthFault, match=r"is not text in UTF-8$"):
        await fetch(File("a.json"), where)


async def test_a_missing_file_is_named_and_waited_for(where: Where) -> None:
    path = root_of(where) / "a.json"
    with pytest.raises(AuthFault, match=f"^file {path} does not exist$"):
        await fetch(File("a.json"), where)

    assert where.objects.used == {Ref(FILE, "", str(path)): ""}


@pytest.mark.parametrize("path", ["link.json", "folder/outside.json"])
async def test_no_link_leads_out(where: Where, path: str) -> None:
    root = root_of(where)
    (root / "link.json").symlink_to("../outside.json")
    (root / "folder").symlink_to("..")
    with pytest.raises(AuthFault, match="leads out of"):
        await fetch(File(path), where)


async def test_a_folder_is_no_file(where: Where) -> None:
    (root_of(where) / "a").mkdir()
    with pytest.raises(AuthFault, match="cannot be read: Is a directory"):
        await fetch(File("a"), where)


async def test_without_a_root_there_are_no_files(where: Where) -> None:
    with pytest.raises(AuthFault, match="started without --filepath-auth-root-path"):
        await fetch(File("a.json"), replace(where, settings=AuthSettings()))
