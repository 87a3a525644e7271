"""Eight float64 at a time: the vector type of the dense kernels.

Loops that the compiler vectorises by itself leave a scalar rest of up to 31 entries, pick
a vector or a scalar version by where arrays lie in memory, and never prefetch. With the
type spelt out there is one version, whose bits depend on the numbers alone, and narrow
matrices run at the speed of wide ones (decision 5).

| function | result |
|---|---|
| `lanes(x)` | x, eight times |
| `read(a, index, count)` | eight entries of `a` from `index` on, as float64 |
| `gather(a, places, p, count)` | a[places[p]], …, a[places[p + 7]] |
| `write(a, index, v)` | a[index : index + 8] = v |
| `fma(a, b, c)` | a·b + c, in one rounding where the processor can; scalars too |
| `lesser(a, b)`, `greater(a, b)` | lane by lane a if a < b, a > b, else b |
| `chosen(w, a, b)` | lane by lane a if w > 0, else b |
| `total(v)`, `totals(v0, …, v7)` | sum of the lanes; lane k is the sum of v_k |
| `turned(v0, …, v7)` | eight vectors: lane k of the i-th is lane i of v_k |
| `prefetch(a, index)` | nothing: asks for a cache line that will be read soon |
| `prefetch_half(a, index, half)` | likewise one half of 64 entries in a row |
| `entry(a, j, t)`, `set_entry(…, v)` | a[j] of a vector; lanes a[j, t : t + 8] of a matrix |
| `zero(a)` | the zero that such an entry is added to |
| `groups(a)`, `level(b, t)` | how far `t` runs; b of a scalar, lanes b[t : t + 8] of a vector |

With a `count` only so many lanes are read, the others are zero; None reads eight, and a None
for `a` gives zeros. `index` is an integer, or a tuple that ends in the axis the lanes run
along. No index may be negative. Without the compiler lanes are arrays of eight, and the same
code runs.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 8
_DOUBLE, _INT, _BIT = ir.DoubleType(), ir.IntType(32), ir.IntType(1)
_VECTOR = ir.VectorType(_DOUBLE, WIDTH)


# ---------------------------------------------------------------- in plain Python


def lanes(x: float) -> Any:
    return np.full(WIDTH, np.float64(x))


def read(array: Any, index: Any, count: Any = None) -> Any:
    out = np.zeros(WIDTH)
    if array is None:
        return out
    size = WIDTH if count is None else count
    piece = array[_along(index, size)]
    if len(piece) != size:
        raise IndexError(f"lanes from {index} on reach beyond an array of shape {array.shape}")
    out[:size] = piece
    return out


def gather(array: Any, places: Any, p: Any, count: Any = None) -> Any:
    out = np.zeros(WIDTH)
    size = WIDTH if count is None else int(count)
    out[:size] = array[places[int(p) : int(p) + size]]
    return out


def write(array: Any, index: Any, value: Any) -> None:
    array[_along(index, WIDTH)] = value


def fma(a: Any, b: Any, c: Any) -> Any:
    return a * b + c


def lesser(a: Any, b: Any) -> Any:
    return np.where(a < b, a, b)


def greater(a: Any, b: Any) -> Any:
    return np.where(a > b, a, b)


def chosen(weight: Any, a: Any, b: Any) -> Any:
    return np.where(weight > 0.0, a, b)


def total(v: Any) -> Any:
    return _pairwise([*v])


def totals(v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any) -> Any:
    return np.array([_pairwise([*v]) for v in (v0, v1, v2, v3, v4, v5, v6, v7)])


def turned(v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any) -> Any:
    return tuple(np.stack([v0, v1, v2, v3, v4, v5, v6, v7], axis=1))


def prefetch(array: Any, index: Any) -> None:
    pass


def prefetch_half(array: Any, index: Any, half: Any) -> None:
    pass


def entry(array: Any, j: Any, t: Any) -> Any:
    return read(array, (j, t)) if array.ndim == 2 else np.float64(array[j])


def set_entry(array: Any, j: Any, t: Any, value: Any) -> None:
    if array.ndim == 2:
        write(array, (j, t), value)
    else:
        array[j] = value


def zero(array: Any) -> Any:
    return lanes(0.0) if array.ndim == 2 else 0.0


def groups(array: Any) -> int:
    return array.shape[1] if array.ndim == 2 else 1


def level(value: Any, t: Any) -> Any:
    return read(value, t) if np.ndim(value) else value


def _along(index: Any, size: int) -> Any:
    *front, last = index if isinstance(index, tuple) else (index,)
    return (*front, slice(int(last), int(last) + size))


def _pairwise(values: list[Any]) -> Any:
    """Neighbours first, as `_halve` does: the same bits."""
    while len(values) > 1:
        values = [a + b for a, b in zip(values[::2], values[1::2], strict=True)]
    return values[0]


# ---------------------------------------------------------------- the type


class LanesType(types.Type):  # type: ignore[misc]
    """Eight float64 in one register, or in as many as the processor needs."""

    def __init__(self) -> None:
        super().__init__("Lanes")


LANES = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, frontend: Any) -> None:
        super().__init__(manager, frontend, _VECTOR)


def _splat(builder: Any, scalar: Any, element: Any) -> Any:
    vector = ir.VectorType(element, WIDTH)
    empty = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(empty, scalar, ir.Constant(_INT, 0))
    places = ir.Constant(ir.VectorType(_INT, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, empty, places)


def _positions(context: Any, builder: Any, index_type: Any, index: Any) -> list[Any]:
    if isinstance(index_type, types.BaseTuple):
        parts = zip(cgutils.unpack_tuple(builder, index), index_type, strict=True)
        return [context.cast(builder, value, each, types.intp) for value, each in parts]
    return [context.cast(builder, index, index_type, types.intp)]


def _pointer(
    context: Any, builder: Any, array_type: Any, array: Any, at: list[Any], check: bool = False
) -> Any:
    struct = context.make_array(array_type)(context, builder, array)
    return cgutils.get_item_pointer(
        context,
        builder,
        array_type,
        struct,
        at,
        wraparound=False,
        boundscheck=check and context.enable_boundscheck,
    )


def _check_lanes(
    context: Any, builder: Any, array_type: Any, array: Any, at: list[Any], size: Any
) -> None:
    """With NUMBA_BOUNDSCHECK, the first and the last lane have to lie inside, if there are any."""
    if context.enable_boundscheck:
        none = ir.Constant(size.type, 0)
        last = builder.sub(builder.add(at[-1], size), ir.Constant(size.type, 1))
        with builder.if_then(builder.icmp_signed(">", size, none)):
            for end in (at[-1], last):
                _pointer(context, builder, array_type, array, [*at[:-1], end], check=True)


def _is_contiguous(array_type: Any) -> bool:
    return array_type.layout == "C"


@intrinsic
def _lanes(typing: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        scalar = context.cast(builder, arguments[0], signature.args[0], types.float64)
        return _splat(builder, scalar, _DOUBLE)

    return LANES(x), generate


@intrinsic
def _read(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, index_type = signature.args
        at = _positions(context, builder, index_type, arguments[1])
        size = ir.Constant(at[-1].type, WIDTH)
        _check_lanes(context, builder, array_type, arguments[0], at, size)
        element = context.get_data_type(array_type.dtype)
        vector = ir.VectorType(element, WIDTH)
        if _is_contiguous(array_type):
            place = _pointer(context, builder, array_type, arguments[0], at)
            values = builder.load(builder.bitcast(place, vector.as_pointer()))
            values.align = 1 if not array_type.aligned else array_type.dtype.bitwidth // 8
        else:
            values = ir.Constant(vector, ir.Undefined)
            for k in range(WIDTH):
                here = [*at[:-1], builder.add(at[-1], ir.Constant(at[-1].type, k))]
                one = builder.load(_pointer(context, builder, array_type, arguments[0], here))
                one.align = 1 if not array_type.aligned else array_type.dtype.bitwidth // 8
                values = builder.insert_element(values, one, ir.Constant(_INT, k))
        return values if element == _DOUBLE else builder.fpext(values, _VECTOR)

    return LANES(array, index), generate


@intrinsic
def _read_part(typing: Any, array: Any, index: Any, count: Any) -> Any:
    """The first `count` lanes, by a masked load: lanes beyond are not touched in memory."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, index_type, count_type = signature.args
        at = _positions(context, builder, index_type, arguments[1])
        size = context.cast(builder, arguments[2], count_type, types.intp)
        _check_lanes(context, builder, array_type, arguments[0], at, size)
        element = context.get_data_type(array_type.dtype)
        vector = ir.VectorType(element, WIDTH)
        nothing = ir.Constant(vector, [0.0] * WIDTH)
        align = array_type.dtype.bitwidth // 8 if array_type.aligned else 1
        if _is_contiguous(array_type):
            place = _pointer(context, builder, array_type, arguments[0], at)
            values = _masked_load(builder, place, vector, align, _mask(builder, size))
        else:
            slot = cgutils.alloca_once_value(builder, nothing)
            for k in range(WIDTH):
                offset = ir.Constant(at[-1].type, k)
                with builder.if_then(builder.icmp_signed("<", offset, size)):
                    here = [*at[:-1], builder.add(at[-1], offset)]
                    one = builder.load(_pointer(context, builder, array_type, arguments[0], here))
                    one.align = align
                    held = builder.insert_element(builder.load(slot), one, ir.Constant(_INT, k))
                    builder.store(held, slot)
            values = builder.load(slot)
        return values if element == _DOUBLE else builder.fpext(values, _VECTOR)

    return LANES(array, index, count), generate


@intrinsic
def _gather(typing: Any, array: Any, places: Any, p: Any, count: Any) -> Any:
    if array.ndim != 1 or not _is_contiguous(places):
        return None
    if array.dtype not in (types.float64, types.float32):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, places_type, p_type, count_type = signature.args
        at = [context.cast(builder, arguments[2], p_type, types.intp)]
        size = context.cast(builder, arguments[3], count_type, types.intp)
        _check_lanes(context, builder, places_type, arguments[1], at, size)
        mask = _mask(builder, size)
        word = ir.IntType(64)
        words = ir.VectorType(word, WIDTH)
        vector = ir.VectorType(context.get_data_type(places_type.dtype), WIDTH)
        first = _pointer(context, builder, places_type, arguments[1], at)
        index = _masked_load(builder, first, vector, places_type.dtype.bitwidth // 8, mask)
        index = index if vector == words else builder.sext(index, words)
        if context.enable_boundscheck:
            for k in range(WIDTH):
                one = builder.extract_element(index, ir.Constant(_INT, k))
                _pointer(context, builder, array_type, arguments[0], [one], check=True)
        start = _pointer(context, builder, array_type, arguments[0], [ir.Constant(word, 0)])
        starts = _splat(builder, builder.ptrtoint(start, word), word)
        size = array_type.dtype.bitwidth // 8
        stride = context.make_array(array_type)(context, builder, arguments[0]).strides
        step = _splat(builder, builder.extract_value(stride, 0), word)
        addresses = builder.add(starts, builder.mul(index, step))
        one = context.get_data_type(array_type.dtype)
        vector = ir.VectorType(one, WIDTH)
        pointers = ir.VectorType(one.as_pointer(), WIDTH)
        kind = ir.FunctionType(vector, [pointers, _INT, mask.type, vector])
        load = cgutils.get_or_insert_function(
            builder.module, kind, f"llvm.masked.gather.v{WIDTH}f{8 * size}.v{WIDTH}p0"
        )
        nothing = ir.Constant(vector, [0.0] * WIDTH)
        addresses = builder.inttoptr(addresses, pointers)
        found = builder.call(load, [addresses, ir.Constant(_INT, size), mask, nothing])
        return found if vector == _VECTOR else builder.fpext(found, _VECTOR)

    return LANES(array, places, p, count), generate


def _mask(builder: Any, count: Any) -> Any:
    """Lane k is on where k < count."""
    if isinstance(count, ir.Constant) and count.constant == WIDTH:
        return ir.Constant(ir.VectorType(_BIT, WIDTH), [1] * WIDTH)
    wanted = _splat(builder, builder.trunc(count, _INT), _INT)
    return builder.icmp_unsigned("<", ir.Constant(wanted.type, list(range(WIDTH))), wanted)


def _masked_load(builder: Any, place: Any, vector: Any, align: int, mask: Any) -> Any:
    names = {_DOUBLE: "f64", ir.FloatType(): "f32"}
    suffix = names.get(vector.element) or f"i{vector.element.width}"
    pointer = vector.as_pointer()
    kind = ir.FunctionType(vector, [pointer, _INT, mask.type, vector])
    load = cgutils.get_or_insert_function(
        builder.module, kind, f"llvm.masked.load.v{WIDTH}{suffix}.p0"
    )
    nothing = ir.Constant(vector, [0] * WIDTH)
    place = builder.bitcast(place, pointer)
    return builder.call(load, [place, ir.Constant(_INT, align), mask, nothing])


@intrinsic
def _write(typing: Any, array: Any, index: Any, value: Any) -> Any:
    if not _is_contiguous(array):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, index_type, _ = signature.args
        at = _positions(context, builder, index_type, arguments[1])
        size = ir.Constant(at[-1].type, WIDTH)
        _check_lanes(context, builder, array_type, arguments[0], at, size)
        place = _pointer(context, builder, array_type, arguments[0], at)
        stored = builder.store(arguments[2], builder.bitcast(place, _VECTOR.as_pointer()))
        stored.align = 8
        return context.get_dummy_value()

    return types.none(array, index, value), generate


@intrinsic
def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    kind, suffix = (_VECTOR, f"v{WIDTH}f64") if a is LANES else (_DOUBLE, "f64")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # "fmuladd" is two instructions where there is no fused one; "fma" a library call.
        function = ir.FunctionType(kind, [kind] * 3)
        name = f"llvm.fmuladd.{suffix}"
        return builder.call(
            cgutils.get_or_insert_function(builder.module, function, name), arguments
        )

    return a(a, b, c), generate


def _select(builder: Any, arguments: Any, relation: str) -> Any:
    return builder.select(builder.fcmp_ordered(relation, *arguments), *arguments)


@intrinsic
def _lesser(typing: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _select(builder, arguments, "<")

    return LANES(a, b), generate


@intrinsic
def _greater(typing: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _select(builder, arguments, ">")

    return LANES(a, b), generate


@intrinsic
def _chosen(typing: Any, weight: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        weight, a, b = arguments
        none = ir.Constant(_VECTOR, [0.0] * WIDTH)
        return builder.select(builder.fcmp_ordered(">", weight, none), a, b)

    return LANES(weight, a, b), generate


def _halve(builder: Any, a: Any, b: Any) -> Any:
    """Sums of neighbours in the lanes of a, then in those of b."""
    kind = ir.VectorType(_INT, a.type.count)
    even = ir.Constant(kind, list(range(0, 2 * a.type.count, 2)))
    odd = ir.Constant(kind, list(range(1, 2 * a.type.count, 2)))
    return builder.fadd(builder.shuffle_vector(a, b, even), builder.shuffle_vector(a, b, odd))


@intrinsic
def _totals(
    typing: Any, v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any
) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = list(arguments)
        while len(values) > 1:
            values = [_halve(builder, *values[k : k + 2]) for k in range(0, len(values), 2)]
        return values[0]

    return LANES(v0, v1, v2, v3, v4, v5, v6, v7), generate


@intrinsic
def _turned(
    typing: Any, v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any
) -> Any:
    low = ir.Constant(ir.VectorType(_INT, WIDTH), [0, 8, 1, 9, 2, 10, 3, 11])
    high = ir.Constant(ir.VectorType(_INT, WIDTH), [4, 12, 5, 13, 6, 14, 7, 15])

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = list(arguments)
        for _ in range(WIDTH.bit_length() - 1):  # a perfect shuffle each: three make a transpose
            halves = zip(values[: WIDTH // 2], values[WIDTH // 2 :], strict=True)
            values = [builder.shuffle_vector(a, b, k) for a, b in halves for k in (low, high)]
        return context.make_tuple(builder, signature.return_type, values)

    return types.UniTuple(LANES, WIDTH)(v0, v1, v2, v3, v4, v5, v6, v7), generate


@intrinsic
def _total(typing: Any, v: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = arguments[0]
        for _ in range(WIDTH.bit_length() - 1):
            value = _halve(builder, value, value)
        return builder.extract_element(value, ir.Constant(_INT, 0))

    return types.float64(v), generate


_LINE = 64  # bytes


def _fetch(context: Any, builder: Any, signature: Any, arguments: Any, lines: range) -> Any:
    array_type, index_type = signature.args[:2]
    at = _positions(context, builder, index_type, arguments[1])
    place = _pointer(context, builder, array_type, arguments[0], at)
    pointer = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, _INT, _INT, _INT])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    to_read, keep_near, data = (ir.Constant(_INT, each) for each in (0, 3, 1))
    for line in lines:
        there = cgutils.pointer_add(builder, place, line * _LINE, pointer)
        builder.call(function, [there, to_read, keep_near, data])
    return context.get_dummy_value()


@intrinsic
def _prefetch(typing: Any, array: Any, index: Any) -> Any:
    return types.none(array, index), functools.partial(_fetch, lines=range(1))


@intrinsic
def _prefetch_first(typing: Any, array: Any, index: Any) -> Any:
    half = array.dtype.bitwidth // 16
    return types.none(array, index), functools.partial(_fetch, lines=range(half))


@intrinsic
def _prefetch_second(typing: Any, array: Any, index: Any) -> Any:
    half = array.dtype.bitwidth // 16
    return types.none(array, index), functools.partial(_fetch, lines=range(half, 2 * half))


# ---------------------------------------------------------------- Python names in jitted code
# Overloads are compiled by themselves: `exact` in spirit, as they hold one operation each.


def _is_none(value: Any) -> bool:
    return value is None or isinstance(value, types.NoneType | types.Omitted)


@overload(lanes)
def _(x):  # type: ignore[no-untyped-def]
    return lambda x: _lanes(x)


@overload(read)
def _(array, index, count=None):  # type: ignore[no-untyped-def]
    if _is_none(array):
        return lambda array, index, count=None: _lanes(0.0)
    if _is_none(count):
        return lambda array, index, count=None: _read(array, index)
    return lambda array, index, count=None: _read_part(array, index, count)


@overload(gather)
def _(array, places, p, count=None):  # type: ignore[no-untyped-def]
    if _is_none(count):
        return lambda array, places, p, count=None: _gather(array, places, p, 8)
    return lambda array, places, p, count=None: _gather(array, places, p, count)


@overload(write)
def _(array, index, value):  # type: ignore[no-untyped-def]
    return lambda array, index, value: _write(array, index, value)


@overload(fma)
def _(a, b, c):  # type: ignore[no-untyped-def]
    if b is LANES and a is not LANES:
        return lambda a, b, c: _fma(_lanes(a), b, c)
    if b is LANES:
        return lambda a, b, c: _fma(a, b, c)
    return lambda a, b, c: _fma(np.float64(a), np.float64(b), np.float64(c))


@overload(lesser)
def _(a, b):  # type: ignore[no-untyped-def]
    return lambda a, b: _lesser(a, b)


@overload(greater)
def _(a, b):  # type: ignore[no-untyped-def]
    return lambda a, b: _greater(a, b)


@overload(chosen)
def _(weight, a, b):  # type: ignore[no-untyped-def]
    return lambda weight, a, b: _chosen(weight, a, b)


@overload(total)
def _(v):  # type: ignore[no-untyped-def]
    return lambda v: _total(v)


@overload(totals)
def _(v0, v1, v2, v3, v4, v5, v6, v7):  # type: ignore[no-untyped-def]
    return lambda v0, v1, v2, v3, v4, v5, v6, v7: _totals(v0, v1, v2, v3, v4, v5, v6, v7)


@overload(turned)
def _(v0, v1, v2, v3, v4, v5, v6, v7):  # type: ignore[no-untyped-def]
    return lambda v0, v1, v2, v3, v4, v5, v6, v7: _turned(v0, v1, v2, v3, v4, v5, v6, v7)


@overload(prefetch)
def _(array, index):  # type: ignore[no-untyped-def]
    return lambda array, index: _prefetch(array, index)


@overload(prefetch_half)
def _(array, index, half):  # type: ignore[no-untyped-def]
    def choose(array, index, half):  # type: ignore[no-untyped-def]
        if half == 0:
            _prefetch_first(array, index)
        else:
            _prefetch_second(array, index)

    return choose


@overload(entry)
def _(array, j, t):  # type: ignore[no-untyped-def]
    if array.ndim == 2:
        return lambda array, j, t: _read(array, (j, t))
    return lambda array, j, t: np.float64(array[j])


@overload(set_entry)
def _(array, j, t, value):  # type: ignore[no-untyped-def]
    if array.ndim == 2:
        return lambda array, j, t, value: _write(array, (j, t), value)

    def set_scalar(array, j, t, value):  # type: ignore[no-untyped-def]
        array[j] = value

    return set_scalar


@overload(zero)
def _(array):  # type: ignore[no-untyped-def]
    if array.ndim == 2:
        return lambda array: _lanes(0.0)
    return lambda array: 0.0


@overload(groups)
def _(array):  # type: ignore[no-untyped-def]
    if array.ndim == 2:
        return lambda array: array.shape[1]
    return lambda array: 1


@overload(level)
def _(value, t):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Array):
        return lambda value, t: _read(value, t)
    return lambda value, t: value


def _binary(symbol: Any, instruction: str) -> None:
    """Arithmetic of lanes with lanes or with a scalar."""

    @intrinsic
    def apply(typing, a, b):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            sides = [
                value
                if kind is LANES
                else _splat(builder, context.cast(builder, value, kind, types.float64), _DOUBLE)
                for value, kind in zip(arguments, signature.args, strict=True)
            ]
            return getattr(builder, instruction)(*sides)

        return LANES(a, b), generate

    @overload(symbol)
    def resolve(a, b):  # type: ignore[no-untyped-def]
        known = [each is LANES or isinstance(each, types.Number) for each in (a, b)]
        if all(known) and (a is LANES or b is LANES):
            return lambda a, b: apply(a, b)
        return None


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _binary(_symbol, _instruction)
