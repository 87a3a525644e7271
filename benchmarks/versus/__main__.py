"""fastreg against its peers: one command, one table, one figure.

python -m benchmarks.versus --size full --json versus.json --figure versus.png
python -m benchmarks.versus --only "path 200x" --peers fastreg celer   # some of it
python -m benchmarks.versus --data FOLDER --only text                  # sparse text
python -m benchmarks.versus --only logistic poisson insurance          # other losses than squares
python -m benchmarks.versus --only gamma tweedie                       # and those of amounts
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROUNDS = {"quick": 1, "full": 5}
PAUSE = {"quick": 0.0, "full": 0.3}  # s; the quick size only shows that everything runs
_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.versus", description="fastreg against its peers."
    )
    parser.add_argument("--size", choices=tuple(ROUNDS), default="quick")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING", help="problems")
    parser.add_argument("--peers", nargs="+", default=[], metavar="SUBSTRING")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of sparse text, as .npz")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--figure", type=Path, metavar="FILE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="after the sweep; 1 if quick, 5 if full")
    parser.add_argument(
        "--budget", type=float, default=60.0, help="s, of a sweep and of the rounds"
    )
    parser.add_argument("--pause", type=float, help="s before a run; 0 if quick, 0.3 if full")
    chosen = parser.parse_args(argv)
    if chosen.threads < 1 or (chosen.rounds or 0) < 0 or not chosen.budget > 0:
        parser.error("--threads and --budget must be positive, --rounds not negative")
    chosen.rounds = ROUNDS[chosen.size] if chosen.rounds is None else chosen.rounds
    chosen.pause = PAUSE[chosen.size] if chosen.pause is None else chosen.pause
    return chosen


def selected(found: list[Any], parts: list[str], what: str) -> list[Any]:
    """Those with one of the parts in their names, all where there are no parts."""
    hit = [each for each in found if not parts or any(part in each.name for part in parts)]
    if not hit:
        raise SystemExit(f"no {what} has any of {parts} in its name")
    return hit


def main(argv: list[str] | None = None) -> None:
    chosen = arguments(argv)
    # Only now, since NumPy reads the number of threads when it is loaded.
    from benchmarks.versus import race, report
    from benchmarks.versus.peers import load

    everyone, everything = line_up(chosen)
    picked = selected(everything, chosen.only, "problem")
    kinds = {problem.kind for problem in picked}
    field = selected(everyone, chosen.peers, "peer")
    field = [peer for peer in field if kinds & peer.settings.keys()]
    options = race.Options(chosen.threads, chosen.rounds, chosen.budget, chosen.pause)
    load(field)
    rows: list[race.Row] = []
    with threads(chosen.threads):
        environment = describe(field, chosen)
        print(*(f"{name}: {value}" for name, value in environment.items()), sep="\n")
        print(f"\n{report.header()}")
        for problem in picked:
            rows += race.race(problem, field, options)
            latest = [row for row in rows if row.problem == problem.name]
            print(*map(report.line, report.ranked(latest)), sep="\n", flush=True)
    print(f"\n{report.summary(rows)}")
    if chosen.json:
        report.save(rows, environment, chosen.json)
    if chosen.figure:
        from benchmarks.versus import figure

        figure.draw(rows, chosen.figure)


def line_up(chosen: argparse.Namespace) -> tuple[list[Any], list[Any]]:
    """All peers and all problems."""
    from benchmarks.versus import families, glms, peers, problems

    size, folder = chosen.size, chosen.data
    everything = [*problems.table(size, folder), *families.table(size, folder)]
    return [*peers.PEERS, *glms.PEERS], everything


def describe(field: list[Any], chosen: argparse.Namespace) -> dict[str, Any]:
    """The machine, and what takes part."""
    from benchmarks import environment

    versions = {peer.name.split()[0]: peer.version() or "not installed" for peer in field}
    return {
        **environment.describe(),
        **versions,
        "threads of everyone": chosen.threads,
        "size": chosen.size,
        "rounds": chosen.rounds,
        "budget, pause": f"{chosen.budget:g} s, {chosen.pause:g} s",
    }


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """The same for fastreg and for the pools that are loaded; `limit_pools` has the others."""
    from threadpoolctl import threadpool_limits

    import fastreg

    before = fastreg.get_num_threads()
    fastreg.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        fastreg.set_num_threads(before)


def limit_pools(count: int) -> None:
    """For libraries that are loaded later."""
    for name in _POOLS:
        os.environ[name] = str(count)


if __name__ == "__main__":
    limit_pools(arguments().threads)
    main()
