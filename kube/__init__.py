"""The floor: values of the Kubernetes API, and the only I/O to it.

Nothing here knows of scaling, of nodes to launch, or of kopf.
"""
