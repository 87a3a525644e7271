"""Everything that knows Numba: flags, dispatch by type, the disk cache and the threads.

No other module of the package names a compiler flag, a cache or a thread pool.
"""

from fastreg._jit.compile import JIT_ENABLED, WIDE, exact, inner, jit
from fastreg._jit.dispatch import at, one_or, operation, part
from fastreg._jit.lanes import (
    chosen,
    entry,
    fma,
    gather,
    greater,
    groups,
    lanes,
    lesser,
    level,
    prefetch,
    prefetch_half,
    read,
    set_entry,
    total,
    totals,
    turned,
    write,
    zero,
)
from fastreg._jit.threads import (
    get_num_threads,
    run_blocks,
    serial,
    set_num_threads,
    single_threaded_blas,
)

__all__ = [
    "JIT_ENABLED",
    "WIDE",
    "at",
    "chosen",
    "entry",
    "exact",
    "fma",
    "gather",
    "get_num_threads",
    "greater",
    "groups",
    "inner",
    "jit",
    "lanes",
    "lesser",
    "level",
    "one_or",
    "operation",
    "part",
    "prefetch",
    "prefetch_half",
    "read",
    "run_blocks",
    "serial",
    "set_entry",
    "set_num_threads",
    "single_threaded_blas",
    "total",
    "totals",
    "turned",
    "write",
    "zero",
]
