"""Run `fastreg fit`: read, choose a strength, fit, save and report."""

from __future__ import annotations

import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastreg.cli import families
from fastreg.cli.checks import check_fit
from fastreg.cli.choice import Choice, choice_of
from fastreg.cli.known_families import Family, family_of
from fastreg.cli.options import PICTURES
from fastreg.cli.outputs import check_different, check_output
from fastreg.cli.reading import flat, opened, reading, shown
from fastreg.cli.samples import sample

_MODELS = {"ridge": "Ridge", "lasso": "Lasso", "elasticnet": "ElasticNet"}
_OUTPUTS = ("save", "report", "plot")


@dataclass(frozen=True)
class Fitted:
    """Hold a model, its family and its data, and the choice of its strength.

    name : name of the file in messages
    times : seconds for reading and for fitting
    """

    model: Any
    family: Family
    data: Any
    choice: Choice | None
    name: str
    target: str
    times: tuple[float, float]


def fit(arguments: Any) -> None:
    """Fit a model to a file, print a summary, and write the requested files."""
    from fastreg import persistence
    from fastreg.cli.summary import fit_summary

    check_fit(arguments)
    _check_outputs(arguments)
    name = shown(arguments.file)
    with opened(arguments.file) as arguments.file:
        found = _fitted(arguments, name)
        if arguments.save:
            persistence.save_model(found.model, arguments.save)
        _draw(arguments, found)
        written = [
            (label, path)
            for label, path in (
                ("saved", arguments.save), ("report", arguments.report), ("plot", arguments.plot)
            )
            if path
        ]  # fmt: skip
        fit_summary(
            found.model, found.data, path=name, times=found.times, written=written,
            top=arguments.top, choice=found.choice,
        )  # fmt: skip


def _check_outputs(arguments: Any) -> None:
    from fastreg import persistence

    suffixes = {"save": persistence.SUFFIXES, "report": (".html",), "plot": PICTURES}
    paths: list[tuple[str, Path | None]] = []
    for option in _OUTPUTS:
        path = getattr(arguments, option)
        paths.append((f"--{option}", path))
        if path is not None:
            check_output(path, suffixes[option], f"--{option}", [arguments.file])
    check_different(paths)
    if arguments.report or arguments.plot:
        from fastreg.cli.report_plots import require_matplotlib

        require_matplotlib("--report" if arguments.report else "--plot")


def _draw(arguments: Any, found: Fitted) -> None:
    if not (arguments.report or arguments.plot):
        return
    from fastreg._files import write_whole
    from fastreg.cli.report import page
    from fastreg.cli.report_plots import pictures, whole_picture
    from fastreg.cli.seen import seen

    drawn = pictures(found, seen(found.model, found.data))
    if arguments.plot:
        write_whole(arguments.plot, whole_picture(drawn, arguments.plot.suffix.lower()))
    if arguments.report:
        write_whole(arguments.report, page(found, drawn).encode())


def _fitted(arguments: Any, name: str) -> Fitted:
    family = family_of(arguments)
    squares = family.of_squares
    start = time.perf_counter()
    source = _source(arguments)
    data: Any = sample(source, arguments.cv) if squares else families.rows_of(source, arguments)
    read = time.perf_counter()
    model, choice = (_of_squares if squares else _of_family)(arguments, data)
    times = read - start, time.perf_counter() - read
    target = arguments.target or getattr(source, "kind", "")
    return Fitted(model, family, data, choice, name, target, times)


def _source(arguments: Any) -> Any:
    from fastreg.sources import read

    family = family_of(arguments)
    given = (
        arguments.memory if family.of_squares or arguments.memory is not None else families.MEMORY
    )
    held = {} if given is None else {"memory": int(given * 1e9)}
    missing = None if arguments.missing == "error" else arguments.missing
    categories = dict(arguments.levels) or flat(arguments.categories)
    return read(
        arguments.file, families.targets(arguments), weights=arguments.weights,
        drop=list(itertools.chain.from_iterable(arguments.drop)), categories=categories or (),
        missing=missing, standardize=arguments.standardize, labels=family.has_classes,
        progress=sys.stderr.isatty(), **held, **reading(arguments),
    )  # fmt: skip


def _of_family(arguments: Any, data: Any) -> tuple[Any, Choice | None]:
    model = families.fitted(arguments, data)
    return model, None if arguments.cv is None else choice_of(model, arguments.cv)


def _of_squares(arguments: Any, data: Any) -> tuple[Any, Choice | None]:
    """Fit the model, at the given alpha or at the one that cross-validation chooses."""
    import fastreg

    options = {
        "tol": arguments.tol,
        "max_iter": arguments.max_iter,
        "fit_intercept": not arguments.no_intercept,
        "positive": arguments.positive,
        "l1_ratio": arguments.l1_ratio,
    }
    given = {name: value for name, value in options.items() if value is not None}
    choice = None if arguments.cv is None else _choice(arguments, data, given)
    alpha = 1.0 if arguments.alpha is None else arguments.alpha
    alpha = alpha if choice is None else choice.chosen
    model = getattr(fastreg, _MODELS[arguments.model])(alpha=alpha, **given)
    data.fit(model)
    return model, choice


def _choice(arguments: Any, data: Any, given: dict[str, Any]) -> Choice:
    import numpy as np

    import fastreg

    if arguments.model == "ridge":
        scale = data.n_rows * float(np.mean(data.deviations() ** 2)) or 1.0
        alphas = scale * np.geomspace(1e-8, 1e2, 101)
        own = {"alphas": alphas, "fit_intercept": given["fit_intercept"]}
    else:
        own = {**given, "verbose": sys.stderr.isatty()}
    chooser = getattr(fastreg, f"{_MODELS[arguments.model]}CV")(cv=arguments.cv, **own)
    data.fit(chooser)
    return choice_of(chooser, arguments.cv)
