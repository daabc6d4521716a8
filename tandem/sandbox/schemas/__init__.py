"""Shapes of objects: what a field may hold, what it is by default, and what makes it wrong.

Pure: values in, values and faults out. `builtin.json` holds the names and types of Kubernetes' own
kinds (no descriptions); custom resources bring their schema.
"""
