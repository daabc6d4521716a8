"""The benchmarks' own parts: generators and the restated rule that plans are compared with."""
