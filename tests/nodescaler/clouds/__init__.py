"""The kwok cloud, and the suite that every cloud must pass."""
