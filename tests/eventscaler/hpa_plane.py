"""A real control plane whose only controller is the HPA's.

Nothing else meddles: pods, deployments and their statuses are what a test writes. The HPA looks at
an object when its spec changes, and for the rest once in `SYNC_S`: a test that wants another look
changes the spec.
"""

from __future__ import annotations

from tests.control_plane import ControlPlane, client_flags

MANAGER = "kube-controller-manager"
CONTROLLER = "horizontal-pod-autoscaler-controller"
SYNC_S = 3600


class HpaPlane(ControlPlane):
    """etcd, kube-apiserver and kube-controller-manager; `sync_s` is the HPA's own clock."""

    sync_s = SYNC_S

    def _start(self, *, with_controllers: bool) -> None:
        super()._start(with_controllers=False)
        self._run(
            MANAGER,
            *client_flags(self.write_kubeconfig()),
            f"--controllers={CONTROLLER}",
            f"--horizontal-pod-autoscaler-sync-period={self.sync_s}s",
            "--concurrent-horizontal-pod-autoscaler-syncs=20",
        )
