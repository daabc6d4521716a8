"""The event half as one object: told of custom resources, it samples, decides, scales, reports.

`EventEngine` keeps thousands of ScaledObjects with one heap and one loop; an object costs a task
only while it is being sampled.
"""

from __future__ import annotations

from eventscaler.engine.engine import EventEngine
from eventscaler.engine.settings import EventSettings
from eventscaler.engine.tracked import EngineStatistics

__all__ = ["EngineStatistics", "EventEngine", "EventSettings"]
