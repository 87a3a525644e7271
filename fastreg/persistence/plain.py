"""Values as JSON has them, and back. What JSON has no word for is an object of one entry:

None, bool, int, str, finite float     as they are
list                                   list
tuple, dict                            {"tuple": [...]}, {"dict": [[key, value], ...]}
infinity, NaN                          {"float": "inf"}
array of numbers                       the array itself, which `formats` writes
number of NumPy, array of texts        {"float64": 1.0}, {"str": [...]}: see `arrays`
object of a registered class           {"Certificate": {...}}, its parts
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg.persistence.arrays import NUMBERS, SPELT, TEXTS, array_from, tagged_array

Parts = dict[str, Any]
# Of each class by its name: what makes parts of an object, and an object of parts.
_CLASSES: dict[str, tuple[Callable[[str, Any], Parts], Callable[[str, Parts], Any]]] = {}


def register(
    name: str, parts_of: Callable[[str, Any], Parts], made_of: Callable[[str, Parts], Any]
) -> None:
    """How objects of fastreg's class `name` are written and read; both raise ValueError."""
    _CLASSES[name] = parts_of, made_of


def encode(name: str, value: Any) -> Any:
    """A value as plain data with arrays in it; ValueError names what cannot be stored."""
    if isinstance(value, np.ndarray | np.generic):
        return _encode_array(name, value)
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if type(value) is dict:
        return {"dict": [[encode(name, key), encode(name, each)] for key, each in value.items()]}
    if type(value) in (list, tuple):
        items = [encode(name, each) for each in value]
        return items if type(value) is list else {"tuple": items}
    kind = type(value)
    if kind.__name__ in _CLASSES and kind.__module__.partition(".")[0] == "fastreg":
        return {kind.__name__: _CLASSES[kind.__name__][0](name, value)}
    raise ValueError(f"{name} is not plain data and cannot be saved: {value!r}")


def _encode_array(name: str, value: Any) -> Any:
    if value.dtype.name in NUMBERS:
        native = np.asarray(value, value.dtype.newbyteorder("="), order="C")
        return native if native.ndim else tagged_array(native)
    items = value.tolist()
    if isinstance(items, str):
        return {"str": items}
    kind = {"U": "str", "O": "object"}.get(value.dtype.kind)
    if kind is None or value.ndim != 1 or not all(type(each) is str for each in items):
        raise ValueError(f"{name} of dtype {value.dtype} cannot be saved: make its items texts")
    return {kind: items}


def decode(name: str, value: Any) -> Any:
    """The value of what `encode` gave; ValueError if it is not that."""
    if isinstance(value, list):
        return [decode(name, each) for each in value]
    if isinstance(value, dict):
        return _decode_tagged(name, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}")
    return value


def _decode_tagged(name: str, value: dict[str, Any]) -> Any:
    kind, given = next(iter(value.items()), (None, None))
    if kind in NUMBERS or kind in TEXTS:
        return array_from(name, value)
    if len(value) == 1 and kind == "float" and given in SPELT:
        return float(given)
    if len(value) == 1 and kind == "tuple" and isinstance(given, list):
        return tuple(decode(name, each) for each in given)
    if len(value) == 1 and kind == "dict" and isinstance(given, list):
        return {decode(name, key): decode(name, each) for key, each in given}
    if len(value) == 1 and kind in _CLASSES and isinstance(given, dict):
        return _CLASSES[kind][1](name, given)
    raise ValueError(f"{name} is not plain data: {value!r}")
