"""The one error that every command turns into a line on standard error and exit code 2."""

from __future__ import annotations


class BadInput(Exception):
    """What the user gave cannot be used; the message says where, what was found, what would do."""


def leaf(error: BaseException) -> BaseException:
    """The first error in *error* that is no group."""
    return leaf(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
