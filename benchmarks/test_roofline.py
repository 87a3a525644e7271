"""The reader for pytest-benchmark: every kernel, with time ÷ limit in `extra_info`.

pytest benchmarks/test_roofline.py --benchmark-only
FASTREG_BENCH_SIZE=full pytest benchmarks/test_roofline.py --benchmark-only

Cheaper and less exact than `python -m benchmarks.roofline`: the bandwidth is measured once
before each case, the peak once.
"""

from __future__ import annotations

import functools
import os

from benchmarks import roofline

SIZE = os.environ.get("FASTREG_BENCH_SIZE", "quick")
CASES = roofline.cases(SIZE)

product_peak = functools.cache(roofline.product_peak)


def pytest_generate_tests(metafunc):
    # A hook and not a mark: asv imports every file here, where pytest may be absent.
    metafunc.parametrize("name", CASES)


def test_case(benchmark, name):
    bound = CASES[name]
    data, limit = bound.make(), bound.limit(roofline.read_bandwidth(), product_peak())
    bound.run(data)  # compiles
    benchmark.group = f"{bound.kernel}, {SIZE}"
    benchmark.extra_info.update(shape=str(bound.shape), limit_seconds=limit)
    benchmark(bound.run, data)
    if benchmark.stats is not None:  # None where --benchmark-disable
        benchmark.extra_info["ratio_to_limit"] = benchmark.stats.stats.min / limit
