"""`tandem demo`: the main job on the embedded cluster, from an empty queue and back."""
