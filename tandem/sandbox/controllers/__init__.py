"""The actors of the embedded cluster: controllers, scheduler, kubelets, all API clients.

Nothing here reaches into the store of the sandbox: whatever an actor knows it has listed and
watched; whatever it does it has asked the API for. So the same actors run against the in-memory
transport, against the sandbox over HTTP, and (the kubelets above all) a real kube-apiserver.

Nothing here imports nodescaler: the scheduler is the independent judge of what the packer plans.
"""
