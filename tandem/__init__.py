"""The roof: command line, composition root, embedded cluster, views."""
