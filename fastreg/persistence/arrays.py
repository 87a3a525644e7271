"""Arrays and numbers of NumPy as JSON has them, with their dtype: {"float64": [1.0, "inf"]}.

An array without entries whose shape its list does not tell has "shape" beside it. Texts are
{"str": [...]}, or {"object": [...]} where the array was one of objects.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

NUMBERS = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip
TEXTS = {"str": str, "object": object}
SPELT = ("inf", "-inf", "nan")  # JSON has no numbers for these
_ITEMS: dict[str, tuple[type, ...]] = {"b": (bool,), "i": (int,), "u": (int,), "f": (float, int)}


def tagged_array(array: Any) -> dict[str, Any]:
    """Of an array or a number of NumPy whose dtype is one of `NUMBERS`."""
    tag: dict[str, Any] = {array.dtype.name: _spelt(array.tolist())}
    if 0 in array.shape[:-1]:
        tag["shape"] = list(array.shape)
    return tag


def _spelt(value: Any) -> Any:
    """Nested lists of numbers, those that are not finite as texts."""
    if isinstance(value, list):
        return [_spelt(item) for item in value]
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def array_from(name: str, tag: dict[str, Any]) -> Any:
    """The array, or the number, of what `tagged_array` gave; ValueError if it is not that."""
    (kind, values), *more = tag.items()
    if kind in TEXTS:
        several = isinstance(values, list)
        if more or not all(type(each) is str for each in (values if several else [values])):
            raise ValueError(f"{name} should hold texts, got {values!r}")
        return np.array(values, TEXTS[kind]) if several else np.str_(values)
    dtype = np.dtype(kind)
    _check_items(name, values, _ITEMS[dtype.kind], spelt=dtype.kind == "f")
    if dtype.kind in "iu" and not _is_within(values, np.iinfo(dtype)):
        raise ValueError(f"{name} has numbers beyond {kind}")
    try:
        array = np.array(values, dtype)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is not an array of {kind}") from None
    if more:
        return array.reshape(_shape(name, more))
    return array if isinstance(values, list) else array[()]


def _is_within(values: Any, kind: np.iinfo[Any]) -> bool:
    """Whether nested lists of integers fit a type: an older NumPy cuts those off that do not."""
    if isinstance(values, list):
        return all(_is_within(each, kind) for each in values)
    return bool(kind.min <= values <= kind.max)


def _check_items(name: str, values: Any, kinds: tuple[type, ...], *, spelt: bool) -> None:
    if isinstance(values, list):
        for each in values:
            _check_items(name, each, kinds, spelt=spelt)
    elif type(values) not in kinds and not (spelt and values in SPELT):
        raise ValueError(f"{name} holds {values!r}, which is no number that it can hold")


def _shape(name: str, entries: list[tuple[str, Any]]) -> list[int]:
    (key, shape), *rest = entries
    lengths = isinstance(shape, list) and all(type(each) is int and each >= 0 for each in shape)
    if rest or key != "shape" or not lengths or 0 not in shape:
        raise ValueError(f"{name} has {key} {shape!r}")
    return list(shape)
