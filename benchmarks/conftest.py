"""Every figure of pytest-benchmark says on what it was measured."""

from __future__ import annotations

import os

from benchmarks.environment import describe

collect_ignore = ["benchopt"]  # files that benchopt imports, and nobody else

# A BLAS that shares a core waits for the scheduler: 35 ms for a product of 0.1 ms.
LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info["fastreg"] = describe()


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("measured on")
    for name, value in describe().items():
        terminalreporter.line(f"{name}: {value}")
    terminalreporter.line(f"load before: {LOAD}")
