"""From pending pods to nodes and back: the half that does what Karpenter does."""
