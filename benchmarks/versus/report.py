"""Table and JSON of the race."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.versus.race import REACHED, Row
from fastreg._files import write_whole

OURS = "fastreg"
_COLUMNS = (("problem", 30), ("peer", 36), ("target", 8), ("ms", 10), ("gap", 9))


def header() -> str:
    """Names of the columns."""
    return _cells([name for name, _ in _COLUMNS]) + "  setting"


def line(row: Row) -> str:
    """One row in the columns of `header`; its status instead of a setting if it was not met."""
    peer = f"{row.peer} {row.version or ''}"
    time = "–" if row.seconds is None else milliseconds(row.seconds)
    gap = "–" if row.gap is None else f"{row.gap:.1e}"
    cells = _cells([row.problem, peer, f"{row.target:.0e}", time, gap])
    return f"{cells}  {row.setting or row.status}"


def ranked(rows: Iterable[Row]) -> list[Row]:
    """By problem and target, the fastest first, those without a time last."""
    order = {name: k for k, name in enumerate(dict.fromkeys(row.problem for row in rows))}
    return sorted(
        rows, key=lambda r: (order[r.problem], -r.target, r.seconds is None, r.seconds or 0.0)
    )


class Duel(NamedTuple):
    """fastreg and the best peer on a problem and target; rows, None where nobody reached it."""

    problem: str
    target: float
    ours: Row | None
    best: Row | None

    @property
    def ratio(self) -> float | None:
        """Time of the best peer ÷ time of fastreg."""
        if self.ours is None or self.best is None:
            return None
        return self.best.seconds / self.ours.seconds


def duels(rows: Iterable[Row]) -> list[Duel]:
    """One for each problem and target, in their order."""
    out = []
    for (problem, target), group in groupby(ranked(list(rows)), lambda r: (r.problem, r.target)):
        reached = [row for row in group if row.status == REACHED]
        ours = next((row for row in reached if row.peer == OURS), None)
        best = next((row for row in reached if row.peer != OURS), None)
        out.append(Duel(problem, target, ours, best))
    return out


def summary(rows: Iterable[Row]) -> str:
    """fastreg against the best peer, and the geometric mean of the ratios."""
    found = duels(rows)
    lines = ["fastreg and the best peer, ms; the last column is peer ÷ fastreg"]
    for duel in found:
        ours = "–" if duel.ours is None else milliseconds(duel.ours.seconds)
        best = "–" if duel.best is None else milliseconds(duel.best.seconds)
        name = "nobody" if duel.best is None else duel.best.peer
        ratio = "–" if duel.ratio is None else f"{duel.ratio:.2f}"
        target = f"{duel.target:.0e}"
        lines.append(f"{duel.problem:<30}{target:>8}{ours:>10}{best:>10}  {name:<24}{ratio:>8}")
    ratios = [duel.ratio for duel in found if duel.ratio is not None]
    if ratios:
        lines.append(
            f"geometric mean of {len(ratios)} ratios: {np.exp(np.mean(np.log(ratios))):.2f}"
        )
    return "\n".join(lines)


def milliseconds(seconds: float) -> str:
    """Three digits or all before the point."""
    value = 1e3 * seconds
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _cells(texts: list[str]) -> str:
    pairs = zip(texts, _COLUMNS, strict=True)
    left = ("problem", "peer")
    return "".join(f"{t:<{w}}" if name in left else f"{t:>{w}}" for t, (name, w) in pairs)


# ---------------------------------------------------------------- file


def save(rows: list[Row], environment: dict[str, Any], path: Path) -> None:
    """Write the rows and what they were measured on."""
    document = {"environment": environment, "rows": [dataclasses.asdict(row) for row in rows]}
    write_whole(path, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")


def load(path: Path) -> list[Row]:
    """The rows that `save` wrote."""
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["rows"]]
