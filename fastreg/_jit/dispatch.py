"""Functions that pick their body by the type of their first argument.

`operation` is `functools.singledispatch` that also works inside jitted code: a
storage, a loss or a penalty is a NamedTuple, its operations are registered for its
class, and Numba resolves the call while compiling, at no cost while running.

>>> from typing import NamedTuple
>>> class Circle(NamedTuple):
...     radius: float
>>> @operation
... def area(shape, unit):
...     "Area of `shape` in units of unit²."
>>> @area.register(Circle)
... def _(shape, unit):
...     return 3.0 * (shape.radius / unit) ** 2
>>> area(Circle(2.0), 1.0)
12.0
>>> area((1, 2), 1.0)
Traceback (most recent call last):
...
TypeError: area is not defined for tuple; it is defined for: Circle
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastreg._jit.compile import jit_options


def operation(
    declaration: Callable[..., Any] | None = None, *, exact: bool = False, entry: bool = False
) -> Any:
    """Turn a declaration (its body is never run) into an operation, empty at first.

    `exact=True` compiles its implementations without reordering, as in `jit`. `entry=True` is for
    arithmetic on one entry: it becomes part of its caller's loop, which is then vectorised however
    long the arithmetic is. The logistic loss takes 6 ns an entry, and 24 where it is called.
    """
    if declaration is None:
        return functools.partial(operation, exact=exact, entry=entry)
    implementations: dict[type, Callable[..., Any]] = {}

    @functools.wraps(declaration)
    def dispatch(item: Any, *arguments: Any) -> Any:
        return lookup(type(item))(item, *arguments)

    def lookup(cls: type) -> Callable[..., Any]:
        try:
            return implementations[cls]
        except KeyError:
            known = ", ".join(sorted(each.__name__ for each in implementations)) or "nothing yet"
            raise TypeError(
                f"{declaration.__name__} is not defined for {cls.__name__}; "
                f"it is defined for: {known}"
            ) from None

    def register(cls: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def bind(implementation: Callable[..., Any]) -> Callable[..., Any]:
            if cls in implementations:
                raise TypeError(f"{declaration.__name__} is already defined for {cls.__name__}")
            implementations[cls] = implementation
            return implementation

        return bind

    # An overload is compiled with flags of its own, not with its caller's.
    @overload(
        dispatch,
        strict=False,
        jit_options=jit_options(exact) | ({"forceinline": True} if entry else {}),
    )
    def resolve(item: Any, *arguments: Any) -> Callable[..., Any] | None:
        return implementations.get(getattr(item, "instance_class", type(None)))

    dispatch.register = register  # type: ignore[attr-defined]
    dispatch.lookup = lookup  # type: ignore[attr-defined]
    dispatch.implementations = implementations  # type: ignore[attr-defined]
    return dispatch


def at(value: Any, j: int, t: int = 0) -> Any:
    """`value[j, t]` of a matrix, `value[j]` of a vector, itself of a scalar, 0 of None.

    One kernel body then serves per-feature and common strengths, one and several
    right-hand sides, and absent shifts; the choice is made while compiling.

    >>> at(2.0, 5), at([3.0, 4.0], 1), at([[3.0, 4.0]], 0, 1), at(None, 7)
    (2.0, 4.0, 4.0, 0.0)
    """
    if value is None:
        return 0.0
    dimensions = np.ndim(value)
    if dimensions == 2:
        return value[j][t]
    return value[j] if dimensions else value


def one_or(value: Any, j: int, t: int = 0) -> Any:
    """`at`, with 1 for None: for factors that may be absent.

    >>> one_or([3.0, 4.0], 1), one_or(None, 7)
    (4.0, 1.0)
    """
    return 1.0 if value is None else at(value, j, t)


def part(value: Any, start: int, stop: int) -> Any:
    """`value[start:stop]` of an array, anything else as it is.

    Loops over a part index it from 0: the compiler need not ask for negative indices.

    >>> part([3.0, 4.0, 5.0], 1, 3), part(None, 1, 3)
    ([4.0, 5.0], None)
    """
    return value if value is None or not np.ndim(value) else value[start:stop]


@overload(part)
def _part(value, start, stop):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Array):
        return lambda value, start, stop: value[start:stop]
    return lambda value, start, stop: value


@overload(at)
def _at(value, j, t=0):  # type: ignore[no-untyped-def]  # Numba compares signatures
    if isinstance(value, types.NoneType | types.Omitted):
        return lambda value, j, t=0: 0.0
    if isinstance(value, types.Array) and value.ndim == 2:
        return lambda value, j, t=0: value[j, t]
    if isinstance(value, types.Array):
        return lambda value, j, t=0: value[j]
    return lambda value, j, t=0: value


@overload(one_or)
def _one_or(value, j, t=0):  # type: ignore[no-untyped-def]
    if isinstance(value, types.NoneType | types.Omitted):
        return lambda value, j, t=0: 1.0
    return lambda value, j, t=0: at(value, j, t)
