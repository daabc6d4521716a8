"""external.metrics.k8s.io/v1beta1: the readings of the engine, for HPAs.

The kube-apiserver passes requests on to this server (an APIService says where it is), so callers
are known by the headers that it adds, under its client certificate, or by their own token; what
they may read is asked of the cluster. See docs/hpa-mode.md.
"""

from __future__ import annotations

from eventscaler.metrics_api.server import MetricsServer, ServerSettings
from eventscaler.metrics_api.values import Blind, Measured, Source, Unknown

__all__ = ["Blind", "Measured", "MetricsServer", "ServerSettings", "Source", "Unknown"]
