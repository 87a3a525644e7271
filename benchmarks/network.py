"""Microseconds an Adam step: fastreg.network against scikit-learn's MLPRegressor, and torch.

    python -m benchmarks.network

The same data, architecture, batch and number of epochs; torch, where it is installed, as an eager
loop over two threads. The least of three runs each, in turn, after one that compiles.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neural_network import MLPRegressor as Peer

from benchmarks.environment import describe
from fastreg.network import MLPRegressor

CASES = [  # hidden layers, features, batch
    ((8,), 10, 32),
    ((32,), 10, 32),
    ((32, 32), 10, 32),
    ((32, 32, 32, 32), 10, 32),
    ((128, 128), 50, 32),
    ((128, 128), 50, 200),
    ((256, 256, 256), 100, 32),
    ((256, 256, 256), 100, 200),
]
ROWS = 3200
STEPS, FEW = 8000, 1600  # the latter for wide networks


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _torch(hidden: tuple[int, ...], X: Any, y: Any, batch: int, epochs: int) -> Any:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(2)
    sizes = [X.shape[1], *hidden, 1]
    layers: list[Any] = []
    for a, b in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(a, b, dtype=torch.float64), torch.nn.Tanh()]
    net = torch.nn.Sequential(*layers[:-1])
    X, y = torch.from_numpy(X), torch.from_numpy(y)[:, None]

    def fit() -> None:
        optimiser = torch.optim.Adam(net.parameters(), weight_decay=1e-7)
        for _ in range(epochs):
            order = torch.randperm(len(X))
            for start in range(0, len(X), batch):
                rows = order[start : start + batch]
                optimiser.zero_grad()
                (0.5 * ((net(X[rows]) - y[rows]) ** 2).mean()).backward()
                optimiser.step()

    return fit


def race(hidden: tuple[int, ...], n: int, batch: int) -> str:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, n))
    y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * rng.standard_normal(ROWS)
    epochs = max(1, (STEPS if max(hidden) <= 32 else FEW) * batch // ROWS)
    steps = epochs * (ROWS // batch)
    common: dict[str, Any] = {
        "hidden_layer_sizes": hidden,
        "activation": "tanh",
        "batch_size": batch,
        "max_iter": epochs,
        "random_state": 0,
    }
    entrants = {
        "fastreg": lambda: MLPRegressor(**common, tol=0).fit(X, y),
        "scikit-learn": lambda: Peer(**common, tol=0, n_iter_no_change=10**6).fit(X, y),
        "torch": _torch(hidden, X, y, batch, epochs),
    }
    best: dict[str, float] = {}
    for call in entrants.values():
        if call is not None:
            call()
    for turn in range(3):
        for name, call in list(entrants.items())[:: 1 - 2 * (turn % 2)]:
            if call is not None:
                time.sleep(0.2)
                best[name] = min(best.get(name, np.inf), 1e6 * _timed(call) / steps)
    cells = "".join(f"{best.get(name, np.nan):14.1f}" for name in entrants)
    ratio = best["scikit-learn"] / best["fastreg"]
    return f"{hidden!s:>22} {n:5} {batch:5}{cells}{ratio:8.1f}"


def main() -> None:
    for key, value in describe().items():
        print(f"{key}: {value}")
    warnings.simplefilter("ignore")
    print(
        f"\n{'hidden':>22} {'n':>5} {'batch':>5}{'fastreg µs':>14}{'scikit µs':>14}{'torch µs':>14}"
    )
    for case in CASES:
        print(race(*case), flush=True)


if __name__ == "__main__":
    main()
