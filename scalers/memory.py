"""memory: what the pods of the workload use of it, against their requests or an amount per pod.

Says how many replicas there should be, never whether there should be any.
Source: https://keda.sh/docs/latest/scalers/memory/
"""

from __future__ import annotations

from kube.values.usage import MEMORY
from scalers._resource import scaler

SCALER = scaler(MEMORY)
