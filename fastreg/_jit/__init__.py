"""Everything that knows Numba: flags, dispatch by type, the disk cache and the threads.

No other module of the package names a compiler flag, a cache or a thread pool.
"""

from fastreg._jit.compile import JIT_ENABLED, jit
from fastreg._jit.dispatch import at, one_or, operation
from fastreg._jit.threads import get_num_threads, run_blocks, set_num_threads, single_threaded_blas

__all__ = [
    "JIT_ENABLED",
    "at",
    "get_num_threads",
    "jit",
    "one_or",
    "operation",
    "run_blocks",
    "set_num_threads",
    "single_threaded_blas",
]
