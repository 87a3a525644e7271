"""The reader for asv: time ÷ limit of every kernel, over commits."""

from __future__ import annotations

from benchmarks import cases, roofline


class Roofline:
    """The limit is measured beside the kernel: a slower machine is no slower kernel."""

    version = cases.version(__file__) + cases.version(roofline.__file__)
    params = (tuple(roofline.cases("full")), roofline.SIZES)
    param_names = ("case", "size")
    unit = "time/limit"
    timeout = 600

    def setup(self, name, size):
        self.bound = roofline.cases(size)[name]

    def track_ratio_to_limit(self, name, size):
        return roofline.measure(self.bound, roofline.ROUNDS[size], reference=False).ratio
