"""What a trigger reads: one trigger type, one file, named as the type with `_` for `-`.

`base` and `io` are what other packages import; files that begin with `_` are shared families.
Nothing here knows of replicas, of ScaledObjects or of writing to the cluster.
"""
