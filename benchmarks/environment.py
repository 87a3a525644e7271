"""On what a figure was measured: it means nothing without."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from typing import Any

import fastreg

PACKAGES = ("fastreg", "numba", "numpy", "scipy", "scikit-learn")
_WIDEST = ("avx512f", "avx2", "avx", "sse2", "sve", "neon")


def describe() -> dict[str, Any]:
    """Processor, vectors, threads, BLAS and versions; no host name and no path."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    vectors = [each for each in _WIDEST if features.get(each)]
    return {
        "cpu": f"{binding.get_host_cpu_name()}, {os.cpu_count()} processors",
        "vectors": vectors[0] if vectors else "none",
        "threads": fastreg.get_num_threads(),
        "blas": "; ".join(sorted(map(_blas_name, _blas()))),
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE", "not set"),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def version(name: str) -> str:
    """Of a package; fastreg's own is the one imported, which may be a checkout on the path."""
    return fastreg.__version__ if name == "fastreg" else metadata.version(name)


def _blas() -> list[dict[str, Any]]:
    import scipy.linalg  # noqa: F401  (NumPy and scipy may each load a BLAS of their own)
    from threadpoolctl import threadpool_info

    return [each for each in threadpool_info() if each["user_api"] == "blas"]


def _blas_name(info: dict[str, Any]) -> str:
    kernel = info.get("architecture", "unknown")
    return f"{info['internal_api']} {info['version']} {kernel}, {info['num_threads']} threads"


def _number(text: str) -> int:
    """2.4.6 → 2004006."""
    major, minor, patch = [*re.findall(r"\d+", text), "0", "0"][:3]
    return 10**6 * int(major) + 1000 * int(minor) + int(patch)


class Environment:
    """For asv, which keeps numbers only: threads, and versions as 10⁶·major + 10³·minor + patch.

    A step in a curve may be a step of NumPy.
    """

    params = ("threads", "BLAS threads", *PACKAGES)
    param_names = ("what",)
    unit = "threads or version"

    def track_environment(self, what: str) -> int:
        if what == "threads":
            return fastreg.get_num_threads()
        if what == "BLAS threads":
            return max((each["num_threads"] for each in _blas()), default=0)
        return _number(version(what))
