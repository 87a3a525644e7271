"""Parameters and labels as JSON has them, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_LABELS: dict[str, Any] = {"b": bool, "i": int, "u": int, "f": float, "U": str, "O": str}
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}


def plain(name: str, value: Any) -> Any:
    """A parameter as None, bool, int, float, str or a list of these."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(name, item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"parameter {name} is not plain, finite data: {value!r}")


def tagged(name: str, value: Any) -> Any:
    """As `plain`, where a parameter may be infinite, a tuple or a dict: an object of one entry that
    says which."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isinf(value):
        return {"float": repr(value)}
    if isinstance(value, dict):
        pairs = [[tagged(name, key), tagged(name, item)] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, tuple):
        return {"tuple": [tagged(name, item) for item in value]}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [tagged(name, item) for item in value] if isinstance(value, list) else plain(name, value)


def untagged(name: str, value: Any) -> Any:
    """The parameter of what `tagged` gave; ValueError if it is not that."""
    if isinstance(value, list):
        return [untagged(name, item) for item in value]
    if not isinstance(value, dict):
        return plain(name, value)
    if value in ({"float": "inf"}, {"float": "-inf"}):
        return float(value["float"])
    if set(value) == {"tuple"} and isinstance(value["tuple"], list):
        return tuple(untagged(name, item) for item in value["tuple"])
    if set(value) == {"dict"} and isinstance(value["dict"], list):
        return {untagged(name, key): untagged(name, item) for key, item in value["dict"]}
    raise ValueError(f"parameter {name} is not plain, finite data: {value!r}")


def labels_of(classes: Any) -> dict[str, Any]:
    """Two labels of a classifier: their kind and size as NumPy has them, and their values."""
    kind, size = classes.dtype.kind, classes.dtype.itemsize
    values = classes.tolist()
    if kind not in _LABELS or not all(type(value) is _LABELS[kind] for value in values):
        raise ValueError(f"classes of dtype {classes.dtype} cannot be saved: make them texts")
    return {"kind": kind, "size": size if kind in _SIZES else 0, "values": values}


def labels_from(entry: Any) -> Any:
    """(2,) labels of what `labels_of` gave; ValueError if it is not that."""
    if not isinstance(entry, dict) or set(entry) != {"kind", "size", "values"}:
        raise ValueError("classes has not kind, size and values")
    kind, size, values = entry["kind"], entry["size"], entry["values"]
    if not isinstance(kind, str) or kind not in _LABELS or size not in _SIZES.get(kind, (0,)):
        raise ValueError(f"classes cannot be of kind {kind!r} and size {size!r}")
    if not isinstance(values, list) or not all(type(each) is _LABELS[kind] for each in values):
        raise ValueError(f"classes should hold {_LABELS[kind].__name__}s, got {values!r}")
    if len(values) != 2 or not values[0] < values[1]:
        raise ValueError(f"classes should be two labels, ascending, got {values!r}")
    return np.array(values, {"U": str, "O": object}.get(kind, f"{kind}{size}"))
