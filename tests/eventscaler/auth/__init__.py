"""Where parameters come from."""
