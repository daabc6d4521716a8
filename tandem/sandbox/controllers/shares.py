"""IntOrString shares such as maxSurge, maxUnavailable and minAvailable. Pure.

Source: https://kubernetes.io/docs/tasks/run-application/configure-pdb/#rounding-logic-when-specifying-percentages
"""

from __future__ import annotations


def share(value: int | str, total: int, *, up: bool) -> int:
    """Read a number or a percentage of *total*.

    Args:
        value: ``3``, ``"3"`` or ``"25%"``.
        total: what 100 % is.
        up: which way a percentage is rounded.

    Raises:
        ValueError: neither; the text is in the message.

    >>> share(3, 10, up=True), share("25%", 10, up=True), share("25%", 10, up=False)
    (3, 3, 2)
    """
    text = str(value)
    number = text.removesuffix("%")
    if not number.isdecimal():
        raise ValueError(f"must be a whole number or a percentage, got '{value}'")
    if number == text:
        return int(number)
    scaled = int(number) * total
    return -(-scaled // 100) if up else scaled // 100
