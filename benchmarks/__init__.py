"""Benchmarks: each case is defined once, in `cases`; see `docs/benchmarking.md`."""
