"""The rules that a manifest must keep, the same for files and for the API server.

`validate` applies them offline to the objects of some files, `Reviewer` to each object that the API
server is about to store. What forbids scaling an object at all is found by the decoders already, so
that the engine refuses it too where the webhook was away. Rules and labels of refusals are KEDA's.

    findings.py   a fault and the label under which the webhook counts it
    objects.py    rules that one object is enough for
    triggers.py   rules of each trigger's own type
    around.py     rules about the workload and about who else wants it
    offline.py    all of them over files
    review.py     all of them for the API server

Source: https://keda.sh/docs/latest/concepts/admission-webhooks/
"""

from __future__ import annotations

from eventscaler.admission.findings import Finding
from eventscaler.admission.offline import validate

__all__ = ["Finding", "validate"]
