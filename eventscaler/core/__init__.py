"""How many replicas a workload should have, decided purely.

``decide(readings, limits, state, settings, now)`` is the whole of flow (a) of the design without
its edges: no I/O, no clock, no randomness, no logging. The operator, ``tandem check``, the
simulator and the tests call the same function.
"""
