"""Defaults that kube-apiserver gives to its own kinds, as far as kubectl and the controllers see them."""

NAMESPACES = "namespaces."
