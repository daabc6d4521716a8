"""Where the program's own CRDs are: beside the installed package, or in a checkout.

A wheel carries the folder as `tandem/crds`; a checkout has it at the top.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

import tandem
from tandem.sandbox.status import Json


def crds_folder() -> Path:
    """Give the folder.

    Raises:
        FileNotFoundError: neither place has it; both are named.
    """
    package = Path(tandem.__file__).parent
    places = (package / "crds", package.parent / "crds")
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"no CRDs in {' or '.join(str(place) for place in places)}")


def load_crds() -> list[Json]:
    """Read every CustomResourceDefinition of the folder, in the order of file names."""
    return [crd for path in sorted(crds_folder().glob("*.yaml")) for crd in _documents(path)]


def _documents(path: Path) -> Iterator[Json]:
    for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
        if document:
            yield document
