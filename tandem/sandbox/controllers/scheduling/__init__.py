"""The scheduler: a pure core (decode, filters, scores, choice) and its shell.

The rules are kube-scheduler's default plugins, without preemption. Source:
https://kubernetes.io/docs/concepts/scheduling-eviction/
"""
