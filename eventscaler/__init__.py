"""From readings to replica counts: the half that does what KEDA does."""
