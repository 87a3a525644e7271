"""What a fit costs, on paper and by simulation: bytes, multiplications, messages and seconds.

    python -m benchmarks.cost_model                  # the table of docs/cost-model.md
    python -m benchmarks.cost_model --measure        # rates of this machine, and checks
    python -m benchmarks.cost_model --measure --json rates.json

One worker is one core with its share of disk and network. m rows of n features in chunks of c rows,
W workers, k sums of folds. Every chunk is read while the one before it is summed up:

    bytes read          8 m n                        each pass
    multiplications     m n²/2                       moments;  2 m n a fused pass
    messages            C/W + (log₈ C) a pass        of 8 k n² bytes (moments) or 8 n (a pass)
    seconds of a pass   ⌈C/W⌉ · max(8 c n/read, c n²/(2·gram)) + depth · (latency + message/network)
    seconds in the end  (n³/3)/gram for each of a few factorisations

The simulation draws what the formula averages: every chunk by itself, with a spread of times, and
the tree of sums over them, each waiting for the last of its eight.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

FAN = 8  # sums added at once: fastreg.sources.cluster
CHUNK = 1 << 27  # bytes
MOST_MOMENTS = 1 << 32  # bytes, fastreg.statistics.MOST_MEMORY
PASSES = 25  # of conjugate gradients to a gap of 1e-4 at unit-sized ridges; the lasso takes 5 to 10
ROWS, FEATURES, WORKERS = (
    (10**6, 10**8, 10**10, 10**12),
    (10, 100, 1000, 10**4, 10**5),
    (1, 10, 100, 1000),
)


@dataclass(frozen=True)
class Rates:
    """Of one worker: bytes/s from disk, multiplications/s of a Gram matrix by width, bytes/s of a
    fused pass, and of the network; seconds of a message and of the start of a task."""

    read: float
    gram: dict[int, float]
    fused: float
    network: float
    latency: float
    task: float

    def gram_at(self, n: int) -> float:
        """Interpolated in log n, constant beyond what was measured."""
        widths = sorted(self.gram)
        logs = np.log(widths)
        return float(np.exp(np.interp(math.log(n), logs, np.log([self.gram[w] for w in widths]))))


# Measured with --measure on two cores of an Intel Xeon (2026); network and latency: 10 Gbit/s.
DEFAULT = Rates(1.9e9, {10: 1.6e9, 100: 1.7e10, 1000: 2.6e10}, 1.2e10, 1.25e9, 1e-3, 2e-4)


@dataclass(frozen=True)
class Cost:
    """Of a fit."""

    route: str  # "moments" or "passes"
    bytes_read: float
    multiplications: float
    messages: float
    message_bytes: float
    memory: float  # of a worker, beside chunks
    seconds: float
    bound: str  # what most of the seconds go to


def cost(m: int, n: int, workers: int, rates: Rates, folds: int = 1, chunk: int = CHUNK) -> Cost:
    """The formulas of the module."""
    rows = max(1, chunk // (8 * n))
    chunks = max(1, math.ceil(m / rows))
    one = 8 * (folds + 3) * n * n <= MOST_MOMENTS
    passes = 1 if one else PASSES
    message = 8.0 * folds * n * n if one else 8.0 * n
    work = 0.5 * n * n if one else 2.0 * n  # multiplications of a row
    rate = rates.gram_at(n) if one else rates.fused / 4.0
    here = min(rows, m)
    reading, summing = 8.0 * here * n / rates.read, here * work / rate
    adding = FAN * message / rates.fused  # by each worker, of its own sums
    depth = math.ceil(math.log(max(chunks, 2), FAN))
    remote = math.ceil(math.log(max(workers, 1), FAN)) if workers > 1 else 0
    each = math.ceil(chunks / workers) * (max(reading, summing) + rates.task)
    # Along the way to the root, every sum waits for the messages of its eight, one after the other.
    sending = remote * (rates.latency + (FAN - 1) * message / rates.network)
    joining = (math.ceil(chunks / workers) / FAN + depth) * (adding + rates.task)
    solving = n**3 / 3 / rates.gram_at(n) if one else 0.0
    parts = {
        "reading": passes * each * (reading >= summing),
        "arithmetic": passes * each * (reading < summing) + solving,
        "messages": passes * (sending + joining),
    }
    return Cost(
        "moments" if one else "passes",
        8.0 * m * n * passes,
        m * work * passes + (n**3 / 3 if one else 0.0),
        passes * (chunks + chunks / (FAN - 1)) * (workers > 1),
        message,
        message * (FAN + 1) if one else 8.0 * n * 10,
        sum(parts.values()),
        max(parts, key=lambda key: parts[key]),
    )


def simulate(
    m: int,
    n: int,
    workers: int,
    rates: Rates,
    *,
    spread: float = 0.1,
    seed: int = 0,
    chunk: int = CHUNK,
) -> float:
    """Seconds of a fit, chunk by chunk: times are drawn with a relative `spread`, a worker takes
    the next chunk when it is free, and sums are joined when the last of their eight is there."""
    found = cost(m, n, workers, rates, chunk=chunk)
    rows = max(1, chunk // (8 * n))
    chunks = max(1, math.ceil(m / rows))
    passes = 1 if found.route == "moments" else PASSES
    rng = np.random.default_rng(seed)
    per_row = 0.5 * n * n / rates.gram_at(n) if passes == 1 else 8.0 * n / rates.fused
    total = 0.0
    for _ in range(passes):
        sizes = np.full(chunks, rows, float)
        sizes[-1] = m - rows * (chunks - 1)
        noise = np.maximum(1.0 + spread * rng.standard_normal(chunks), 0.1)
        busy = np.maximum(8.0 * sizes * n / rates.read, sizes * per_row) * noise + rates.task
        free = [(0.0, w) for w in range(workers)]
        ready = np.empty(chunks)
        owner = np.empty(chunks, np.int64)
        for i, seconds in enumerate(busy):
            at, w = heapq.heappop(free)
            ready[i], owner[i] = at + seconds, w
            heapq.heappush(free, (ready[i], w))
        total += _joined(ready, owner, found.message_bytes, rates)
    solving = n**3 / 3 / rates.gram_at(n) if passes == 1 else 0.0
    return total + solving


def _joined(ready: np.ndarray, owner: np.ndarray, message: float, rates: Rates) -> float:
    """When the root of the tree of sums is there."""
    adding = message / rates.fused
    while len(ready) > 1:
        nodes = range(0, len(ready), FAN)
        after, place = np.empty(len(nodes)), np.empty(len(nodes), np.int64)
        for q, start in enumerate(nodes):
            group, homes = ready[start : start + FAN], owner[start : start + FAN]
            home = homes[int(np.argmax(group))]  # where the last of them is made
            away = int((homes != home).sum())
            moved = rates.latency * (away > 0) + away * message / rates.network
            after[q] = group.max() + moved + len(group) * adding + rates.task
            place[q] = home
        ready, owner = after, place
    return float(ready[0])


# ---------------------------------------------------------------- rates of this machine


def measure_rates() -> Rates:
    """One thread of this machine; network and latency are those of `DEFAULT`."""
    import fastreg

    fastreg.set_num_threads(1)
    try:
        gram = {n: _gram_rate(n) for n in (10, 100, 1000)}
        return Rates(_read_rate(), gram, _fused_rate(), DEFAULT.network, DEFAULT.latency, _task())
    finally:
        fastreg.set_num_threads(None)


def _least(work: Any, repeats: int = 5) -> float:
    work()
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def _gram_rate(n: int) -> float:
    import fastreg

    m = max(4000, 20_000_000 // n // 10)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, n))
    seconds = _least(lambda: fastreg.SufficientStatistics(n).update(X, X[:, 0]))
    return m * n * n / 2 / seconds


def _fused_rate() -> float:
    import fastreg

    X = np.random.default_rng(0).standard_normal((100_000, 200))
    theta, out = np.zeros(200), np.empty(200)
    return X.nbytes / _least(lambda: fastreg.gradient(X, X[:, 0], theta, 0.0, out=out))


def _read_rate() -> float:
    """From a file that is not in the page cache, where that can be arranged."""
    import fastreg

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        np.save(path, np.zeros((500_000, 100)))
        source = fastreg.read(path, np.zeros(500_000))

        def read() -> None:
            _drop(path)
            source.reduce(lambda block, row: block.n_rows, int.__add__)

        return path.stat().st_size / _least(read, 3)


def _drop(path: Path) -> None:
    os.sync()
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _task() -> float:
    """Of dask on threads, a task that does nothing."""
    import dask

    made = [dask.delayed(abs, pure=False)(i) for i in range(200)]
    return _least(lambda: dask.compute(*made)) / 200


def checks(rates: Rates) -> Iterator[tuple[int, int, int, float, float]]:
    """(m, n, workers, seconds predicted, seconds measured) of dask arrays in memory."""
    import dask
    import dask.array as da

    import fastreg

    in_memory = replace(rates, read=rates.fused, network=rates.fused, latency=0.0)
    chunk = CHUNK // 8
    for m, n in ((2_000_000, 10), (1_000_000, 100), (60_000, 1000)):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((m, n))
        rows = max(1, chunk // (8 * n))
        dX = da.from_array(X, chunks=(rows, n)).persist()
        dy = da.from_array(X[:, 0].copy(), chunks=rows).persist()
        for workers in (1, 2):
            with dask.config.set(scheduler="threads", num_workers=workers):
                measured = _least(lambda: fastreg.Ridge().fit(dX, dy), 3)  # noqa: B023
            predicted = simulate(m, n, workers, in_memory, spread=0.0, chunk=chunk)
            yield m, n, workers, predicted, measured


# ---------------------------------------------------------------- report


def table(rates: Rates) -> Iterator[str]:
    """Markdown."""
    yield (
        "| m | n | route | read | multiplications | message | "
        + " | ".join(f"W = {w}" for w in WORKERS)
        + " | bound by, W = 1 and last |"
    )
    yield "|---" * (7 + len(WORKERS)) + "|"
    for m in ROWS:
        for n in FEATURES:
            costs = [cost(m, n, w, rates) for w in WORKERS]
            first, last = costs[0], costs[-1]
            yield (
                f"| {_power(m)} | {_power(n)} | {first.route} | {_size(first.bytes_read)} | "
                f"{first.multiplications:.0e} | {_size(first.message_bytes)} | "
                + " | ".join(_time(each.seconds) for each in costs)
                + f" | {first.bound}, {last.bound} |"
            )


def _power(value: int) -> str:
    return "10" + str(len(str(value)) - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _size(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} EB"


def _time(seconds: float) -> str:
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds / 86_400:.3g} d"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="rates of this machine, and checks")
    parser.add_argument("--json", type=Path, help="write the rates there")
    options = parser.parse_args()
    rates = measure_rates() if options.measure else DEFAULT
    print(f"rates of a worker: {rates}\n")
    if options.json:
        options.json.write_text(json.dumps(asdict(rates), indent=1))
    for line in table(rates):
        print(line)
    print("\nsimulated over the formula, with times that spread by a tenth:")
    for m, n, w in ((10**8, 100, 10), (10**8, 100, 1000), (10**8, 1000, 100), (10**8, 10**5, 100)):
        ratio = simulate(m, n, w, rates) / cost(m, n, w, rates).seconds
        print(f"  m = {m:.0e}, n = {n:.0e}, W = {w}: {ratio:.2f}")
    if options.measure:
        print("\nmeasured over simulated, dask arrays in memory:")
        for m, n, w, predicted, measured in checks(rates):
            print(
                f"  m = {m:.0e}, n = {n:.0e}, W = {w}: predicted {predicted:.3f} s, measured "
                f"{measured:.3f} s, {measured / predicted:.2f}"
            )


if __name__ == "__main__":
    main()
