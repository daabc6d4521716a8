"""HPAs of ScaledObjects in HPA mode: made, kept as they should be, and taken away again."""

from __future__ import annotations

from eventscaler.hpa.held import Change, Hpa, HpaCache, concerns
from eventscaler.hpa.keeper import Keeper, Kept

__all__ = ["Change", "Hpa", "HpaCache", "Keeper", "Kept", "concerns"]
