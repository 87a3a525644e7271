"""Time ÷ limit of every kernel: how near is it to what this machine can do at all?

The limit of a call, in seconds, is what the slower of two needs at the least

    limit = max( bytes that must move / read bandwidth, flops that must be done / peak )

with the bandwidth of the fastest of several plain sums over a large array, on all threads,
and the peak of the matrix product of NumPy in float64. Machines change their speed within
minutes: each round times bandwidth, kernel, reference and peak back to back, in alternating
order, and the figure is the median over rounds of time ÷ limit of the same round.

    python -m benchmarks.roofline --size full --json roofline.json --figure docs/roofline.png

To add a case: one entry of KERNELS if it is a new kernel, and one row of `cases`. The small
size ("quick") fits into caches: good to see that everything runs, its figures mean nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import scipy.sparse

from benchmarks.environment import describe
from fastreg import elementary, get_num_threads, kernels
from fastreg._files import write_whole
from fastreg._jit import run_blocks
from fastreg.design import as_design
from fastreg.kernels import rows
from fastreg.penalties import L1

Array = np.ndarray
SIZES = ("quick", "full")
ROUNDS = {"quick": 3, "full": 7}

PAUSE = 0.3  # s after each product of NumPy: the threads of OpenBLAS spin for 0.1 s
LEAST_CALLS, LEAST_SECONDS = 3, 0.002  # of which the fastest counts, in one round
STREAM = 1 << 25  # float64 a bandwidth kernel reads: 256 MB, beyond every cache
CHUNKS = 64  # interleaved pieces of it
SQUARE = 2048  # rows of the matrix product whose speed is the peak
PATTERN = 1 << 20  # random entries, repeated to fill a matrix
STORED = 100  # entries a row of a sparse matrix
SIDES = 8  # right-hand sides at once
N_FOLDS = 10
LAM = 0.1
NO_PENALTY = L1(0.0)


# ---------------------------------------------------------------- bandwidth and peak
# Own loops, so that no change to the kernels of fastreg moves the yardstick. They run over
# slices: indices into the whole array do not vectorise.

_sum_jit = numba.njit(nogil=True, fastmath={"reassoc", "nsz", "arcp", "contract"})


@_sum_jit
def _sum_of_one_stream(a, start, stop):
    x = a[start:stop]
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i]
    return total


@_sum_jit
def _sum_of_four_streams(a, start, stop):
    length = (stop - start) // 4  # what remains, three entries at most, is left out
    w = a[start : start + length]
    x = a[start + length : start + 2 * length]
    y = a[start + 2 * length : start + 3 * length]
    z = a[start + 3 * length : start + 4 * length]
    total = 0.0
    for i in range(length):
        total += (w[i] + x[i]) + (y[i] + z[i])
    return total


def read(kernel: Callable[..., float], a: Array, chunks: int) -> float:
    """The sum of `a`, cut into `chunks` pieces that threads take as they become free."""
    cuts = [len(a) * k // chunks for k in range(chunks + 1)]
    sums = np.zeros(chunks)

    def work(first: int, last: int) -> None:
        for k in range(first, last):
            sums[k] = kernel(a, cuts[k], cuts[k + 1])

    run_blocks(work, chunks, step=1)
    return float(sums.sum())


@functools.cache
def _stream() -> Array:
    return np.ones(STREAM)


@functools.cache
def _square() -> tuple[Array, Array]:
    return np.full((SQUARE, SQUARE), 0.5), np.empty((SQUARE, SQUARE))


def read_bandwidth() -> float:
    """Bytes per second of the fastest read kernel and schedule, on all threads."""
    a = _stream()
    seconds = min(
        best(lambda kernel=kernel, chunks=chunks: read(kernel, a, chunks))
        for kernel in (_sum_of_one_stream, _sum_of_four_streams)
        for chunks in (get_num_threads(), CHUNKS)
    )
    return a.nbytes / seconds


def product_peak() -> float:
    """Flops per second of NumPy's product of two float64 matrices, on all its threads."""
    A, out = _square()
    seconds = best(lambda: np.matmul(A, A, out=out))
    time.sleep(PAUSE)
    return 2 * SQUARE**3 / seconds


def best(call: Callable[[], Any]) -> float:
    """Seconds of the fastest of a few calls."""
    fastest, count, start = np.inf, 0, time.perf_counter()
    while count < LEAST_CALLS or time.perf_counter() - start < LEAST_SECONDS:
        before = time.perf_counter()
        call()
        fastest = min(fastest, time.perf_counter() - before)
        count += 1
    return fastest


# ---------------------------------------------------------------- data


class Problem(NamedTuple):
    """X (m, n) as NumPy and as the kernels see it, vectors, and room for results.

    `plain_y` and `plain_theta` have the precision of X: a mixed product would copy X.
    """

    X: Any
    storage: Any
    y: Array
    theta: Array
    plain_y: Array
    plain_theta: Array
    of_rows: Array  # (m,), overwritten
    of_columns: Array  # (n,), overwritten
    columns: Array  # all column numbers
    workspace: rows.Workspace


class Sweep(NamedTuple):
    """θ (n,), overwritten, a data gradient (n,), and room for NumPy (n,)."""

    theta: Array
    gradient: Array
    room: Array


def regression(storage: str, dtype: str, shape: tuple[int, ...]) -> Problem:
    """A dense or sparse matrix with vectors beside it."""
    m, n = shape
    X = _sparse(m, n, storage, dtype) if storage in ("CSR", "CSC") else _dense(m, n, storage, dtype)
    kept = as_design(X).storage
    y, theta = _tiled(m, "float64"), _tiled(n, "float64")
    work = rows.Workspace(kept)
    own, results = (y.astype(dtype), theta.astype(dtype)), (np.empty(m), np.empty(n))
    return Problem(X, kept, y, theta, *own, *results, np.arange(n), work)


class Several(NamedTuple):
    """X, eight targets (m, 8) and θ (n, 8), and room for a gradient."""

    X: Any
    storage: Any
    Y: Array
    Theta: Array
    out: Array
    workspace: rows.Workspace


class Folds(NamedTuple):
    """X, a target (m, 1), weights, means of the columns, and the fold of each row."""

    X: Any
    storage: Any
    Y: Array
    weights: Array
    means: Array
    folds: Array


def several(storage: str, dtype: str, shape: tuple[int, ...]) -> Several:
    X, kept, *_ = regression(storage, dtype, shape)
    m, n = shape
    Y, Theta = _tiled(m * SIDES, "float64"), _tiled(n * SIDES, "float64")
    work = rows.Workspace(kept, SIDES)
    return Several(X, kept, Y.reshape(m, -1), Theta.reshape(n, -1), np.empty((n, SIDES)), work)


def folded(storage: str, dtype: str, shape: tuple[int, ...]) -> Folds:
    X, kept, y, *_ = regression(storage, dtype, shape)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 1.5, len(y))
    return Folds(X, kept, y[:, None], weights, X.mean(axis=0), rng.integers(0, N_FOLDS, len(y)))


def sweep(storage: str, dtype: str, shape: tuple[int, ...]) -> Sweep:
    (n,) = shape
    return Sweep(_tiled(n, dtype), 1.0 + np.abs(_tiled(n, dtype)), np.empty(n, dtype))


def _tiled(count: int, dtype: str) -> Array:
    """`count` normal numbers that repeat after PATTERN."""
    pattern = np.random.default_rng(0).standard_normal(min(count, PATTERN), dtype=dtype)
    out = np.empty(count, dtype)
    for start in range(0, count, PATTERN):
        stop = min(start + PATTERN, count)
        out[start:stop] = pattern[: stop - start]
    return out


def _dense(m: int, n: int, storage: str, dtype: str) -> Array:
    values = _tiled(m * n, dtype)
    return values.reshape(m, n) if storage == "C" else values.reshape(n, m).T


def _sparse(m: int, n: int, storage: str, dtype: str) -> Any:
    """STORED distinct sorted columns a row, the k-th popular one with a chance of ~1/k."""
    rng = np.random.default_rng(0)
    height = min(m, PATTERN // STORED)  # rows, repeated
    ranks = np.sort((n - STORED) ** rng.random((height, STORED)), axis=1).astype(np.int32)
    pattern = np.sort(rng.permutation(n).astype(np.int32)[ranks - 1 + np.arange(STORED)], axis=1)
    indices = np.resize(pattern.ravel(), m * STORED)
    indptr = np.arange(0, m * STORED + 1, STORED, dtype=np.int32)
    X = scipy.sparse.csr_array((_tiled(m * STORED, dtype), indices, indptr), shape=(m, n))
    return X if storage == "CSR" else X.tocsc()


@functools.lru_cache(maxsize=1)
def data_of(make: Callable[..., Any], *arguments: Any) -> Any:
    """`make(*arguments)`; the last one is kept for the neighbours of a case: 0.8 GB."""
    return make(*arguments)


# ---------------------------------------------------------------- kernels and references
# Each returns the array to compare. A kernel writes into room that is there already, where
# it can be told to.


def gradient(data: Problem) -> Array:
    m = len(data.y)
    kernels.gradient(
        data.storage,
        data.y,
        data.theta,
        scale=1 / m,
        l2=LAM,
        out=data.of_columns,
        workspace=data.workspace,
    )
    return data.of_columns


def plain_gradient(data: Problem) -> Array:
    residual = data.X @ data.plain_theta
    residual -= data.plain_y
    out = data.X.T @ residual
    out /= len(residual)
    out += LAM * data.plain_theta
    return out


def gradients(data: Several) -> Array:
    kernels.gradient(
        data.storage, data.Y, data.Theta, l2=LAM, out=data.out, workspace=data.workspace
    )
    return data.out


def plain_gradients(data: Several) -> Array:
    residual = data.X @ data.Theta
    residual -= data.Y
    return data.X.T @ residual + LAM * data.Theta


def moments(data: Folds) -> Array:
    return kernels.moments(
        data.storage,
        data.Y,
        folds=data.folds,
        n_folds=N_FOLDS,
        shift=data.means,
        weights=data.weights,
    )


def project(data: Problem) -> Array:
    kernels.project(data.storage, data.y, out=data.of_columns, workspace=data.workspace)
    return data.of_columns


def plain_project(data: Problem) -> Array:
    return data.X.T @ data.plain_y


def predict(data: Problem) -> Array:
    kernels.predict(data.storage, data.theta, out=data.of_rows, workspace=data.workspace)
    return data.of_rows


def plain_predict(data: Problem) -> Array:
    return data.X @ data.plain_theta


def two_products(data: Problem) -> Array:
    """XᵀXθ of an X by columns, with y for Xθ."""
    n = len(data.theta)
    kernels.project_then_predict(
        data.storage, data.y, np.zeros(n), np.full(n, -1.0), out=data.of_columns,
        image=data.of_rows, workspace=data.workspace,
    )  # fmt: skip
    return data.of_rows


def plain_two_products(data: Problem) -> Array:
    return data.X @ (data.X.T @ data.plain_y)


def cross_gram(data: Problem) -> Array:
    return kernels.cross_gram(data.storage, data.columns, data.columns)


def plain_gram(data: Problem) -> Array:
    """NumPy knows that it is symmetric."""
    return data.X.T @ data.X


def survey(data: Problem) -> Array:
    return np.stack(kernels.survey(data.storage, data.y)[:5])


def plain_survey(data: Problem) -> Array:
    """NaN and infinity would show in any."""
    X = data.X
    sums = X.sum(axis=0), data.plain_y @ X, np.einsum("ij,ij->j", X, X)
    return np.stack((X.min(axis=0), X.max(axis=0), *sums))


def elementary_case(name: str) -> Callable[[Sweep], Array]:
    """The call of one of the elementary functions on θ."""

    def run(data: Sweep) -> Array:
        getattr(elementary, f"{name}_into")(data.theta, data.room)
        return data.room

    return run


def update(data: Sweep) -> Array:
    """η = λ = 1: a step lands on −g from everywhere, so the next call finds sane numbers."""
    kernels.update(data.theta, data.gradient, 1.0, 1.0, NO_PENALTY)
    return data.theta


def plain_update(data: Sweep) -> Array:
    theta, gradient, g = data
    np.multiply(theta, 1.0, out=g)
    g += gradient
    _ = theta @ theta, g @ g
    g *= 1.0
    theta -= g
    return theta


# ---------------------------------------------------------------- bytes and flops


class Extent(NamedTuple):
    """What a cost depends on."""

    m: int
    n: int
    entries: int  # stored ones
    matrix: int  # bytes of X


def extent(storage: str, dtype: str, shape: tuple[int, ...]) -> Extent:
    """Entries and bytes, without making X; sparse indices have 4 bytes, pointers 8."""
    m, n = shape if len(shape) == 2 else (1, *shape)
    width = np.dtype(dtype).itemsize
    if storage in ("CSR", "CSC"):
        pointers = 8 * ((m if storage == "CSR" else n) + 1)
        return Extent(m, n, m * STORED, m * STORED * (width + 4) + pointers)
    return Extent(m, n, m * n, m * n * width)


Cost = tuple[int, int]  # (bytes, flops): every input and output once, a fused product as two


def gradient_cost(e: Extent) -> Cost:
    """X, y, θ and the gradient; two products."""
    return e.matrix + 8 * (e.m + 2 * e.n), 4 * e.entries


def product_cost(e: Extent) -> Cost:
    """X, the vector and the product."""
    return e.matrix + 8 * (e.m + e.n), 2 * e.entries


def gram_cost(e: Extent) -> Cost:
    """X and the product, half of which is computed."""
    return e.matrix + 8 * e.n**2, e.m * e.n**2


def gradients_cost(e: Extent) -> Cost:
    """X once, eight targets, eight θ and gradients."""
    return e.matrix + 8 * SIDES * (e.m + 2 * e.n), 4 * SIDES * e.entries


def moments_cost(e: Extent) -> Cost:
    """X, y, weights and folds; a product for each fold, half of which is computed."""
    return e.matrix + 24 * e.m + 8 * N_FOLDS * e.n**2, e.m * e.n**2


def elementary_cost(e: Extent) -> Cost:
    """In and out; about 25 flops."""
    return 16 * e.n, 25 * e.n


def survey_cost(e: Extent) -> Cost:
    """X, y and five vectors; a subtraction, a sum, two products and two comparisons an entry."""
    return e.matrix + 8 * e.m + 40 * e.n, 8 * e.entries


def update_cost(e: Extent) -> Cost:
    """θ twice and the gradient; four flops for the step, five for the two sums."""
    return 24 * e.n, 9 * e.n


# ---------------------------------------------------------------- cases


class Kernel(NamedTuple):
    """Data, what is called with it, the same in NumPy (or None), and the least it costs."""

    make: Callable[[str, str, tuple[int, ...]], Any]
    run: Callable[[Any], Array]
    reference: Callable[[Any], Array] | None
    cost: Callable[[Extent], Cost]


KERNELS = {
    "gradient": Kernel(regression, gradient, plain_gradient, gradient_cost),
    "8 gradients": Kernel(several, gradients, plain_gradients, gradients_cost),
    "10 fold moments": Kernel(folded, moments, None, moments_cost),
    "project": Kernel(regression, project, plain_project, product_cost),
    "XXᵀ": Kernel(regression, two_products, plain_two_products, gradient_cost),
    "predict": Kernel(regression, predict, plain_predict, product_cost),
    "survey": Kernel(regression, survey, plain_survey, survey_cost),
    "cross_gram": Kernel(regression, cross_gram, plain_gram, gram_cost),
    "update": Kernel(sweep, update, plain_update, update_cost),
    "exp": Kernel(sweep, elementary_case("exp"), lambda d: np.exp(d.theta), elementary_cost),
    "tanh": Kernel(sweep, elementary_case("tanh"), lambda d: np.tanh(d.theta), elementary_cost),
}
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "tall": {"quick": (20_000, 50), "full": (200_000, 500)},
    "medium": {"quick": (2000, 500), "full": (20_000, 5000)},
    "wide": {"quick": (200, 5000), "full": (2000, 50_000)},
    "narrow": {"quick": (200_000, 5), "full": (2_000_000, 50)},
    "slim": {"quick": (100_000, 10), "full": (10_000_000, 10)},
    "short": {"quick": (200, 6000), "full": (2000, 50_000)},  # read by columns
    "flat": {"quick": (20, 50_000), "full": (200, 500_000)},
    "text": {"quick": (5000, 5000), "full": (500_000, 50_000)},  # STORED entries a row
    "gram-tall": {"quick": (20_000, 20), "full": (200_000, 200)},
    "gram-medium": {"quick": (2000, 200), "full": (20_000, 2000)},
    "theta": {"quick": (100_000,), "full": (10_000_000,)},
}


@dataclass(frozen=True)
class Bound:
    """A call with the least it has to move and to compute.

    Attributes
    ----------
    case : unique, and the same at every size
    name : for people: kernel, storage, dtype and shape
    make : () → data; the last data set is kept
    run, reference : data → array; the data may be overwritten, every call is the same work.
        The reference is None where NumPy has no counterpart
    bytes, flops : of one call
    """

    case: str
    name: str
    kernel: str
    storage: str
    dtype: str
    shape: tuple[int, ...]
    make: Callable[[], Any]
    run: Callable[[Any], Array]
    reference: Callable[[Any], Array] | None
    bytes: int
    flops: int

    def limit(self, bandwidth: float, peak: float) -> float:
        """Seconds, for bytes/s and flop/s."""
        return max(self.bytes / bandwidth, self.flops / peak)


def bounds(
    size: str, kernel: str, storages: str, dtypes: str, shapes: str, *, plain: bool = True
) -> list[Bound]:
    """Every combination of storages, dtypes and SHAPES, each a list in one string.

    `plain=False` leaves out the reference.
    """
    make, run, reference, cost = KERNELS[kernel]
    out = []
    for storage in storages.split():
        for dtype in dtypes.split():
            for word in shapes.split():
                shape = SHAPES[word][size]
                what = (storage, dtype, shape)
                out.append(
                    Bound(
                        f"{kernel} {storage} {dtype} {word}",
                        f"{kernel} {storage} {dtype} {'×'.join(map(str, shape))}",
                        kernel,
                        *what,
                        functools.partial(data_of, make, *what),
                        run,
                        reference if plain else None,
                        *cost(extent(*what)),
                    )
                )
    return out


def cases(size: str) -> dict[str, Bound]:
    """Every case of a size, under the names that both sizes share."""
    add = functools.partial(bounds, size)
    both = "float64 float32"
    found = [
        *add("gradient", "C", both, "tall medium wide narrow slim flat"),
        *add("gradient", "F", both, "tall medium"),
        *add("gradient", "CSR CSC", "float64", "text"),
        *add("8 gradients", "C", "float64", "tall medium"),
        *add("project", "C F", both, "tall"),
        *add("project", "CSR CSC", "float64", "text"),
        *add("XXᵀ", "F", both, "short"),
        *add("XXᵀ", "CSC", "float64", "text"),
        *add("predict", "C F", both, "tall"),
        *add("predict", "CSR CSC", "float64", "text"),
        *add("survey", "C F", both, "tall"),
        *add("survey", "CSR CSC", "float64", "text", plain=False),
        *add("cross_gram", "C F", "float64", "gram-tall gram-medium"),
        *add("10 fold moments", "C F", "float64", "gram-tall gram-medium"),
        *add("update", "vector", "float64", "theta"),
        *add("exp", "vector", "float64", "theta"),
        *add("tanh", "vector", "float64", "theta"),
    ]
    return {bound.case: bound for bound in found}


# ---------------------------------------------------------------- measuring


@dataclass(frozen=True)
class Measurement:
    """What `measure` found; ratios and speeds are medians over rounds.

    Attributes
    ----------
    seconds : of the fastest call
    limit : s
    ratio : time ÷ limit of the same round, 1 at best
    bandwidth : bytes/s, peak : flop/s
    reference_seconds : of the fastest call of NumPy, or None
    reference_ratio : time ÷ limit of NumPy, or None
    speedup : time of NumPy ÷ time of the kernel, or None
    """

    case: str
    name: str
    kernel: str
    storage: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    flops: int
    rounds: int
    seconds: float
    limit: float
    ratio: float
    bandwidth: float
    peak: float
    reference_seconds: float | None
    reference_ratio: float | None
    speedup: float | None

    @property
    def bound_by(self) -> str:
        """What the limit is made of."""
        slower = self.bytes / self.bandwidth >= self.flops / self.peak
        return "memory" if slower else "arithmetic"


def measure(bound: Bound, rounds: int, *, reference: bool = True) -> Measurement:
    """Time one case, with bandwidth and peak in the same rounds."""
    data = bound.make()
    plain = bound.reference if reference else None

    def of_numpy() -> float:
        seconds = best(lambda: plain(data))
        time.sleep(PAUSE)
        return seconds

    sides = {"bandwidth": read_bandwidth, "kernel": lambda: best(lambda: bound.run(data))}
    if plain is not None:
        sides["reference"] = of_numpy
    sides["peak"] = product_peak

    bound.run(data)  # compiles
    turns: dict[str, list[float]] = {name: [] for name in sides}
    for k in range(rounds):
        for name in list(sides)[:: -1 if k % 2 else 1]:
            turns[name].append(sides[name]())
    return _summary(bound, {name: np.array(values) for name, values in turns.items()})


def _summary(bound: Bound, turns: dict[str, Array]) -> Measurement:
    """Medians of the turns, an array of one number a round for each side."""
    limits = np.maximum(bound.bytes / turns["bandwidth"], bound.flops / turns["peak"])
    ours, plain = turns["kernel"], turns.get("reference")
    shared = {each.name for each in dataclasses.fields(bound)} & {
        each.name for each in dataclasses.fields(Measurement)
    }
    return Measurement(
        **{name: getattr(bound, name) for name in shared},
        rounds=len(ours),
        seconds=float(ours.min()),
        limit=float(np.median(limits)),
        ratio=float(np.median(ours / limits)),
        bandwidth=float(np.median(turns["bandwidth"])),
        peak=float(np.median(turns["peak"])),
        reference_seconds=None if plain is None else float(plain.min()),
        reference_ratio=None if plain is None else float(np.median(plain / limits)),
        speedup=None if plain is None else float(np.median(plain / ours)),
    )


# ---------------------------------------------------------------- table, files, command line

_COLUMNS = (
    ("min ms", 10),
    ("limit ms", 10),
    ("÷ limit", 9),
    ("bound by", 12),
    ("GB/s", 7),
    ("GFlop/s", 9),
    ("NumPy ms", 10),
    ("÷ limit", 9),
    ("÷ fastreg", 11),
)
_NAME_WIDTH = 42


def header() -> str:
    """Names of the columns. GB/s and GFlop/s are those of the machine, not of the kernel."""
    return "case".ljust(_NAME_WIDTH) + "".join(f"{name:>{w}}" for name, w in _COLUMNS)


def line(result: Measurement) -> str:
    """One case in the columns of `header`."""
    cells = (
        _cell(1e3 * result.seconds),
        _cell(1e3 * result.limit),
        f"{result.ratio:.2f}",
        result.bound_by,
        f"{result.bandwidth / 1e9:.1f}",
        f"{result.peak / 1e9:.0f}",
        *(["–"] * 3 if result.speedup is None else _numpy_cells(result)),
    )
    pairs = zip(cells, _COLUMNS, strict=True)
    return result.name.ljust(_NAME_WIDTH) + "".join(f"{cell:>{w}}" for cell, (_, w) in pairs)


def _numpy_cells(result: Measurement) -> list[str]:
    """Milliseconds, time ÷ limit, and time ÷ time of the kernel."""
    return [
        _cell(1e3 * result.reference_seconds),
        f"{result.reference_ratio:.2f}",
        f"{result.speedup:.2f}",
    ]


def _cell(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def table(results: Iterable[Measurement]) -> str:
    """All lines below the header."""
    return "\n".join([header(), *map(line, results)])


def save(results: list[Measurement], path: Path, size: str) -> None:
    """Write results and environment as JSON."""
    document = {
        "environment": describe(),
        "size": size,
        "measurements": [dataclasses.asdict(each) for each in results],
    }
    write_whole(path, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")


def load(path: Path) -> list[Measurement]:
    """The results that `save` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))["measurements"]
    return [Measurement(**{**each, "shape": tuple(each["shape"])}) for each in found]


def selected(size: str, only: list[str]) -> list[Bound]:
    """Cases with one of the substrings in name or case, all where there are none."""
    found = cases(size).values()
    hit = [b for b in found if not only or any(s in b.name or s in b.case for s in only)]
    if not hit:
        raise SystemExit(f"no case has any of {only} in its name")
    return hit


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.roofline", description="Time ÷ limit of every kernel."
    )
    parser.add_argument("--size", choices=SIZES, default="quick")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING")
    parser.add_argument("--rounds", type=int, help="of each case; 3 if quick, 7 if full")
    parser.add_argument("--reference", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--figure", type=Path, metavar="FILE")
    chosen = parser.parse_args(argv)
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error("--rounds must be at least 1")
    chosen.rounds = chosen.rounds or ROUNDS[chosen.size]
    return chosen


def main(argv: list[str] | None = None) -> None:
    chosen = arguments(argv)
    picked = selected(chosen.size, chosen.only)
    for name, value in describe().items():
        print(f"{name}: {value}")
    print(f"size: {chosen.size}, rounds: {chosen.rounds}\n\n{header()}", flush=True)
    results = []
    for bound in picked:
        results.append(measure(bound, chosen.rounds, reference=chosen.reference))
        print(line(results[-1]), flush=True)
    if chosen.json:
        save(results, chosen.json, chosen.size)
    if chosen.figure:
        from benchmarks import roofline_figure

        roofline_figure.draw(results, chosen.figure)


if __name__ == "__main__":
    main()
