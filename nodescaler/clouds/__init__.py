"""Where instances come from, one module a cloud, all behind `base.Cloud`."""
