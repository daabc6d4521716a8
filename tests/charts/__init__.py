"""The chart, rendered and installed by Helm itself, run with the permissions that it grants."""
