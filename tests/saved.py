"""What a model that was saved has to be: the same, to the last bit."""

from __future__ import annotations

import dataclasses

import numpy as np


def assert_same(a, b, what="model"):
    """The same type and bits, of numbers, lists, arrays, certificates, models and paths."""
    assert type(a) is type(b), what
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), what
        assert a.tolist() == b.tolist() if a.dtype.hasobject else a.tobytes() == b.tobytes(), what
    elif isinstance(a, float | np.floating):
        assert np.float64(a).tobytes() == np.float64(b).tobytes(), what
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), what
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            assert_same(one, other, f"{what}[{i}]")
    elif isinstance(a, dict):
        assert_same([*a.items()], [*b.items()], what)
    elif dataclasses.is_dataclass(a) and not hasattr(a, "to_plain"):
        for each in dataclasses.fields(a):
            if each.name != "data":  # of a path: its rows are not saved
                assert_same(getattr(a, each.name), getattr(b, each.name), f"{what}.{each.name}")
    elif hasattr(a, "get_params"):
        assert sorted(vars(a)) == sorted(vars(b)), what
        for name in sorted(vars(a)):
            assert_same(getattr(a, name), getattr(b, name), f"{what}.{name}")
    else:
        assert a == b, what
