"""How long to wait after a failure: exponential, bounded, spread.

Pure: the randomness that keeps clients out of step is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """A rule for waiting.

    Args:
        first_s: the wait after the first failure.
        factor: how much longer each further one is.
        ceiling_s: no wait is longer.
        spread: the share of a wait that jitter may take away; 0 for none.
    """

    first_s: float = 1.0
    factor: float = 2.0
    ceiling_s: float = 60.0
    spread: float = 0.5

    def after(self, failures: int, jitter: float = 0.0) -> float:
        """Seconds to wait after so many failures in a row.

        Args:
            failures: 1 or more; none means no wait.
            jitter: uniform in [0, 1).

        >>> rule = Backoff(first_s=1, ceiling_s=10)
        >>> [rule.after(n) for n in range(6)], rule.after(3, jitter=0.5)
        ([0.0, 1.0, 2.0, 4.0, 8.0, 10.0], 3.0)
        """
        if failures <= 0:
            return 0.0
        try:
            wait_s = self.first_s * self.factor ** (failures - 1)
        except OverflowError:
            wait_s = self.ceiling_s
        return min(wait_s, self.ceiling_s) * (1.0 - self.spread * jitter)
