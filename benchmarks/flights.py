"""A table like that of the flights that left New York in 2013 (R package nycflights13), made up.

    python -m benchmarks.flights flights.parquet
    python -m fastreg fit flights.parquet --target arr_delay --missing indicator --standardize \
        --model lasso --cv 10 --save delay.npz

Its sizes and shares are those of the original: 336 776 rows, 16 carriers, 105 destinations, 4043
tail numbers, 2.8 % of delays missing. What a delay depends on is known here.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

ROWS, CARRIERS, DESTINATIONS, TAILS = 336_776, 16, 105, 4043


def flights(rows: int = ROWS, tails: int = TAILS, seed: int = 0) -> dict[str, Any]:
    """Columns of the table, as pyarrow arrays."""
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    carrier, dest = rng.integers(0, CARRIERS, rows), rng.integers(0, DESTINATIONS, rows)
    tail = rng.integers(0, tails, rows)
    hours = rng.integers(0, 365 * 24, rows)
    hour, month = hours % 24, hours // (24 * 31) % 12
    distance = 100.0 + 25.0 * dest + rng.normal(0, 5, rows)
    effect = np.where(np.arange(tails) % 100 == 0, 12.0, 0.0)
    delay = (
        (carrier == 3) * 8.0 - (dest == 40) * 9.0 + 0.8 * hour + 3.0 * (month == 6)
        + effect[tail] + 0.002 * distance + rng.standard_t(4, rows) * 10.0
    )  # fmt: skip
    lost = rng.random(rows) < 0.028
    when = np.datetime64("2013-01-01T00:00:00") + hours.astype("timedelta64[h]")
    return {
        "year": pa.array(np.full(rows, 2013)),
        "time_hour": pa.array(when),
        "carrier": _texts("C", carrier, rng.random(rows) < 0.0),
        "tailnum": _texts("N", tail, rng.random(rows) < 0.007),
        "origin": _texts("O", rng.integers(0, 3, rows), rng.random(rows) < 0.0),
        "dest": _texts("D", dest, rng.random(rows) < 0.0),
        "flight": pa.array(rng.integers(1, 8500, rows)),
        "air_time": pa.array(np.where(lost, np.nan, distance / 8 + 20), from_pandas=True),
        "distance": pa.array(distance),
        "dep_delay": pa.array(
            np.where(rng.random(rows) < 0.025, np.nan, rng.normal(0, 1, rows)), from_pandas=True
        ),
        "arr_delay": pa.array(np.where(lost, np.nan, delay), from_pandas=True),
    }


def _texts(letter: str, codes: np.ndarray, lost: np.ndarray) -> Any:
    import pyarrow as pa

    names = pa.array([f"{letter}{i:04d}" for i in range(int(codes.max()) + 1)])
    return names.take(pa.array(np.where(lost, 0, codes), mask=lost))


def write(path: Path, **options: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(flights(**options)), path, row_group_size=100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    write(options.path, rows=options.rows)


if __name__ == "__main__":
    main()
