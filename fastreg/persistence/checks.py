"""Whether attributes are of the right kind, and their shapes fit each other.

A rule is "kind: shape | shape": one of the shapes, letters of which stand for the same length
wherever they occur. "()" is a single value, "*" any shape, "2G" twice G, "k=1" sets k, "None" lets
None pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Sizes = dict[str, int]


def check(name: str, value: Any, rule: str, sizes: Sizes) -> None:
    """ValueError if the value breaks the rule; `sizes` gets the letters that are new."""
    kind, _, given = rule.partition(":")
    shapes = [each.split() for each in given.split("|")]
    if value is None and ["None"] in shapes:
        return
    shapes = [each for each in shapes if each != ["None"]]
    shape = _KINDS[kind](name, value)
    if not any(_fits(shape, each, sizes) for each in shapes):
        known = ", ".join(f"{letter}={size}" for letter, size in sizes.items())
        raise ValueError(f"{name} has shape {shape}, it should have{given} with {known}")


def _fits(shape: Shape, wanted: list[str], sizes: Sizes) -> bool:
    axes = [each for each in wanted if "=" not in each and each != "()"]
    own = dict(sizes)
    for letter, size in (each.split("=") for each in wanted if "=" in each):
        if own.setdefault(letter, int(size)) != int(size):
            return False
    some = axes != ["*"]
    if some and len(axes) != len(shape):
        return False
    if some and not all(map(_fits_axis, shape, axes, [own] * len(axes))):
        return False
    sizes.update(own)
    return True


def _fits_axis(size: int, axis: str, sizes: Sizes) -> bool:
    times, letter = re.fullmatch(r"(\d*)([A-Za-z]?)", axis).groups()  # type: ignore[union-attr]
    if not letter:
        return size == int(times)
    if not times:
        return sizes.setdefault(letter, size) == size
    return letter in sizes and size == int(times) * sizes[letter]


def _of(types: tuple[type, ...], kinds: str, what: str) -> Callable[[str, Any], Shape]:
    """Checks of values and arrays of some types, by the kinds of NumPy's dtypes."""

    def single(value: Any) -> bool:
        if isinstance(value, np.generic):
            return value.dtype.kind in kinds
        return type(value) in types

    def shape_of(name: str, value: Any) -> Shape:
        if isinstance(value, np.ndarray) and value.dtype.kind in kinds:
            return value.shape
        if single(value):
            return ()
        given = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} should hold {what}, not {given}")

    return shape_of


_number = _of((float, int), "f", "numbers")
_integer = _of((int,), "iu", "whole numbers")
_bool = _of((bool,), "b", "bools")
_text = _of((str,), "UO", "texts")
_label = _of((str, int, float, bool), "biufUO", "labels")


def _finite(name: str, value: Any) -> Shape:
    shape = _number(name, value)
    if not np.isfinite(np.asarray(value, float)).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return shape


def _count(name: str, value: Any) -> Shape:
    shape = _integer(name, value)
    if shape != (0,) and np.min(value) < 0:
        raise ValueError(f"{name} is negative: {value}")
    return shape


def _or_list(single: Callable[[str, Any], Shape]) -> Callable[[str, Any], Shape]:
    """Of a list of single values as well."""

    def shape_of(name: str, value: Any) -> Shape:
        if not isinstance(value, list):
            return single(name, value)
        if any(single(name, each) for each in value):
            raise ValueError(f"{name} is a list of lists")
        return (len(value),)

    return shape_of


def _certificate(name: str, value: Any) -> Shape:
    """(k,)"""
    sizes: Sizes = {}
    _check_object(name, value, "Certificate")
    for part in ("gap", "relative_gap", "kkt", "objective", "null"):
        check(f"{name}.{part}", getattr(value, part), "number: k", sizes)
    check(f"{name}.met", value.met, "bool: k", sizes)
    check(f"{name}.tol", value.tol, "number: ()", sizes)
    for part in ("converged", "by_kkt"):
        check(f"{name}.{part}", getattr(value, part), "bool: ()", sizes)
    check(f"{name}.method", value.method, "text: ()", sizes)
    check(f"{name}.passes", value.passes, "count: ()", sizes)
    if bool(value.met.all()) != value.converged:
        raise ValueError(f"{name}.converged is {value.converged}, its met says otherwise")
    return (sizes["k"],)


def _choice(name: str, value: Any) -> Shape:
    """The shape of the errors."""
    _check_object(name, value, "ChoiceCertificate")
    check(f"{name}.tol", value.tol, "number: ()", {})
    shapes = {_number(f"{name}.bound", value.bound), _bool(f"{name}.met", value.met)}
    if value.gap is not None:
        shapes.add(_number(f"{name}.gap", value.gap))
    if len(shapes) > 1 or not isinstance(value.met, np.ndarray):
        raise ValueError(f"{name} has parts of shapes {', '.join(map(str, sorted(shapes)))}")
    return shapes.pop()


def _report(name: str, value: Any) -> Shape:
    _check_object(name, value, "GradientReport")
    check(f"{name}.activation", value.activation, "text: ()", {})
    check(f"{name}.decay", value.decay, "number: ()", {})
    if not isinstance(value.history, list) or not value.history:
        raise ValueError(f"{name}.history has no snapshot")
    sizes: Sizes = {}
    for each in value.history:
        _check_object(f"{name}.history", each, "Snapshot")
        check(f"{name}.step", each.step, "count: ()", sizes)
        check(f"{name}.explained", each.explained, "number: ()", sizes)
        for part in ("delta_rms", "activation_rms", "data_gradient", "penalty_gradient",
                     "update_ratio", "weight_scale"):  # fmt: skip
            check(f"{name}.{part}", getattr(each, part), "number: L", sizes)
        for part in ("saturated", "dead"):
            check(f"{name}.{part}", getattr(each, part), "number: H", sizes)
    return ()


def _steps(name: str, value: Any) -> Shape:
    """The number of steps on the way of a network's lam."""
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list of steps")
    sizes: Sizes = {}
    for each in value:
        _check_object(name, each, "Step")
        check(f"{name}.lam", each.lam, "finite: p", sizes)
        check(f"{name}.slope", each.slope, "number: p", sizes)
        check(f"{name}.value", each.value, "number: ()", sizes)
    return (len(value),)


def _arrays(name: str, value: Any) -> Shape:
    """The number of arrays in a list, all finite."""
    if not isinstance(value, list) or not all(isinstance(each, np.ndarray) for each in value):
        raise ValueError(f"{name} is no list of arrays")
    for each in value:
        _finite(name, each)
    return (len(value),)


def _by_class(name: str, value: Any) -> Shape:
    """Of an array, or of the arrays of a dict, which have one shape."""
    each = list(value.values()) if isinstance(value, dict) else [value]
    shapes = {_number(name, one) for one in each}
    if len(shapes) != 1:
        raise ValueError(f"{name} has arrays of the shapes {sorted(shapes)}, they should have one")
    return shapes.pop()


def _object(kind: str) -> Callable[[str, Any], Shape]:
    def shape_of(name: str, value: Any) -> Shape:
        _check_object(name, value, kind)
        return ()

    return shape_of


def _check_object(name: str, value: Any, kind: str) -> None:
    if type(value).__name__ != kind:
        raise ValueError(f"{name} should be a {kind}, not {type(value).__name__}")


_KINDS: dict[str, Callable[[str, Any], Shape]] = {
    "arrays": _arrays,
    "bool": _bool,
    "by class": _by_class,
    "certificate": _certificate,
    "choice": _choice,
    "count": _count,
    "counts": _or_list(_count),
    "encoding": _object("Encoding"),
    "finite": _finite,
    "label": _label,
    "network": _object("MLPRegressor"),
    "number": _number,
    "numbers": _or_list(_number),
    "report": _report,
    "steps": _steps,
    "text": _text,
    "texts": _or_list(_text),
}
