"""What can be wrong with a formula, and how large one may be.

Pure.
"""

from __future__ import annotations

MAX_TEXT = 4_096  # characters
MAX_DEPTH = 64  # expressions within expressions; a Python frame or five each
MAX_STEPS = 10_000  # of one evaluation: an operation, or an item looked at
MAX_ITEMS = 1_000  # of one list


LONGEST_NAME = 64  # that is worth a suggestion
_LONGEST = 32  # text of the formula that a message repeats


class FormulaError(ValueError):
    """A formula that cannot be read, or gives no number that replicas could follow.

    >>> str(FormulaError("'qeue' is not a trigger", 4))
    "character 5: 'qeue' is not a trigger"
    """

    def __init__(self, problem: str, at: int | None = None) -> None:
        super().__init__(problem if at is None else f"character {at + 1}: {problem}")


class KindError(FormulaError):
    """An operand of the wrong kind, as in `true + 1`: no reading makes it right."""


def shown(text: str) -> str:
    """Text of the formula as a message repeats it.

    >>> shown("queue"), shown("x" * 100)
    ("'queue'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'")
    """
    return f"'{text}'" if len(text) <= _LONGEST else f"'{text[: _LONGEST - 3]}...'"
