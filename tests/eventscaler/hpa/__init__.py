"""HPAs that are kept for ScaledObjects."""
