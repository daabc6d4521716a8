"""The examples in the server's docstrings run, and say what they say."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = (
    "builtins.preparing",
    "patches.fieldsets",
    "patches.merge",
    "printing.ages",
    "printing.jsonpath",
    "printing.selectors",
    "printing.tables",
    "prose",
    "quantities",
    "routing",
    "schemas.conform",
    "status",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(import_module(f"tandem.sandbox.{name}"))

    assert result.attempted > 0
    assert result.failed == 0
