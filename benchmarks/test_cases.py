"""The reader for pytest-benchmark: fastreg and the NumPy reference side by side.

pytest benchmarks --benchmark-only
FASTREG_BENCH_SIZE=full pytest benchmarks --benchmark-only
"""

from __future__ import annotations

import os

from benchmarks import cases

SIZE = os.environ.get("FASTREG_BENCH_SIZE", "quick")


def pytest_generate_tests(metafunc):
    # A hook and not a mark: asv imports every file here, where pytest may be absent.
    metafunc.parametrize("name", cases.CASES)
    metafunc.parametrize("side", cases.SIDES)


def test_case(benchmark, name, side):
    case = cases.CASES[name]
    data, run = case.data(SIZE), getattr(case, side)
    benchmark.group = f"{name}, {SIZE}: {case.sizes[SIZE]}"
    benchmark.extra_info["size"] = str(case.sizes[SIZE])
    run(data)  # compiles
    result = benchmark(run, data)
    assert cases.difference(result, case.reference(data)) <= case.tolerance
