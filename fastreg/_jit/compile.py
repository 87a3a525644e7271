"""The one decorator that compiles, and the flags it compiles with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import llvmlite.binding
import numba
from numba.core import config
from numba.extending import register_jitable

from fastreg._jit import cache, compiling

Function = TypeVar("Function", bound=Callable[..., Any])

JIT_ENABLED: bool = not config.DISABLE_JIT
compiling.watch()

# Whether sixteen sums of eight float64 stay in registers: with AVX-512 there are 32 of eight.
# Every kernel's place on disk names the processor, so none compiled for another is found.
_FEATURES = config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten()
WIDE: bool = "+avx512f" in _FEATURES.split(",")

# A sum may be reordered into vector lanes and a product contracted into a fused
# multiply-add. NaN and infinity keep their meaning: "nnan" and "ninf", which
# all of fast maths would add, let the compiler delete every check for them.
SUM_FLAGS = {"reassoc", "contract", "nsz", "arcp"}


def jit_options(exact: bool = False) -> dict[str, Any]:
    """What every function is compiled with; `exact` forbids reordering."""
    return {"error_model": "numpy", "fastmath": False if exact else SUM_FLAGS}


def jit(function: Function, *, exact: bool = False) -> Function:
    """Compile `function` without the GIL and keep the machine code on disk.

    `exact=True` forbids reordering: for compensated arithmetic, whose error terms
    are zero in exact algebra and would be simplified away.
    """
    compiled = numba.njit(nogil=True, **jit_options(exact))(function)
    if JIT_ENABLED:
        cache.attach(compiled)
    return compiled


def exact(function: Function) -> Function:
    """`jit` without reordering."""
    return jit(function, exact=True)


def inner(function: Function) -> Function:
    """`exact`, for what only jitted functions call; from Python it stays a Python function.

    Without the wrappers through which Python and C call it, and with no place on disk of its
    own: the active set compiles in 5.9 s instead of 8.4.
    """
    cache.is_covered(function)
    plain: Function = register_jitable(**jit_options(exact=True))(function)
    return plain
