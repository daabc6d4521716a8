"""One object, one round: read its scale and its triggers, decide, act, report.

`binding` makes triggers readable, `sample` reads, decides and writes the scale, `report` turns the
outcome into status and events, `check` does a round for `tandem check` and writes nothing.
"""
