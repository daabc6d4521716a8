"""What kube-apiserver does with its own kinds beyond storing them: defaults, checks, statuses."""
