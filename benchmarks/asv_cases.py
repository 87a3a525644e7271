"""The reader for asv: time and peak memory of every case, over commits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from benchmarks import cases


@functools.cache
def prepared(name: str, size: str, side: str) -> Callable[[], Any]:
    """The call of one side, run once: its data is made and its machine code is there."""
    case = cases.CASES[name]
    run = functools.partial(getattr(case, side), case.data(size))
    run()
    return run


class Cases:
    """asv sees only this source; `version` adds the cases, so old results do not linger."""

    version = cases.version(__file__)
    params = (tuple(cases.CASES), cases.SIZES, cases.SIDES)
    param_names = ("case", "size", "side")
    timeout = 600
    repeat = (3, 50, 5.0)

    def setup(self, name, size, side):
        self.run = prepared(name, size, side)

    def time_case(self, name, size, side):
        self.run()


class PeakMemory:
    """Of the whole process, with its data and with the libraries that a side imports."""

    version = cases.version(__file__)
    params = (("ridge", "lasso", "descend"), cases.SIZES, cases.SIDES)
    param_names = ("case", "size", "side")
    timeout = 600

    def setup_cache(self):
        """Compile in another process: the compiler's memory is none of a fit's."""
        for name in self.params[0]:
            prepared(name, "quick", "fastreg")

    def setup(self, name, size, side):
        case = cases.CASES[name]
        self.run = functools.partial(getattr(case, side), case.data(size))

    def peakmem_fit(self, name, size, side):
        self.run()
