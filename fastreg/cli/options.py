"""Define the commands and their options. Each command imports its own module when it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from fastreg.cli.known_families import FAMILIES, names
from fastreg.cli.reading import add_reading
from fastreg.cli.values import (
    UsageError,
    at_least_one,
    count,
    folds,
    fraction,
    nonnegative,
    positive,
    power,
    several,
    texts,
)

MODELS = ("ridge", "lasso", "elasticnet")
PICTURES = (".png", ".pdf", ".svg")
_STATUS = """exit status:
  0    success
  1    an input cannot be read, or cannot be fitted
  2    the command line is wrong
  3    the tolerance was not reached, by the fit or by one of --cv (the model is written)
  130  interrupted"""
_FIT = """examples:
  fastreg fit houses.csv --target price --model lasso --cv 5 --save model.json
  fastreg fit visits.csv --target bought --family binomial --report visits.html
  fastreg fit costs.csv --target cost --family gamma --exposure years --save costs.json
  zcat big.csv.gz | fastreg fit - --target price --drop id,name
"""
_PREDICT = """examples:
  fastreg predict model.json new.csv --out predictions.csv
  fastreg predict model.json new.csv --keep id,name --out predictions.csv
  fastreg predict model.json new.csv --unknown ignore
"""


class _Parser(argparse.ArgumentParser):
    """Raise errors as UsageError, which `main` prints like other errors."""

    def __init__(self, **options: Any) -> None:
        form = argparse.RawDescriptionHelpFormatter
        super().__init__(**{"formatter_class": form, "allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; {self.prog} --help shows the options")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands. Without a command, `command` is None."""
    from fastreg import __version__

    found = _Parser(
        prog="fastreg",
        description="Regularised regression with certified answers.",
        epilog=f"fastreg COMMAND --help shows the options of a command.\n\n{_STATUS}",
    )
    found.add_argument("--version", action="version", version=f"fastreg {__version__}")
    found.set_defaults(command=None)
    commands = found.add_subparsers(title="commands", metavar="COMMAND")
    for name, words, add in (
        ("fit", "fit a model to a file", _add_fit),
        ("predict", "apply a saved model to a file", _add_predict),
        ("demo", "measure fastreg on this machine", _add_demo),
        ("warmup", "compile the kernels beforehand", _add_warmup),
    ):
        own = commands.add_parser(name, help=words)
        own.set_defaults(command=name)
        add(own)
    return found


def _add_warmup(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Compile the kernels of all families, or of some, and keep them on disk: for images and\n"
        "CI. It takes minutes; what is there already takes seconds."
    )
    parser.add_argument(
        "--family", nargs="+", choices=FAMILIES,
        help="families to compile, such as gamma (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=at_least_one, metavar="N",
        help="processes that compile at once (default: as many as cores)",
    )  # fmt: skip


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compare fastreg with NumPy and scikit-learn, and draw the result."
    parser.add_argument(
        "--quick", action="store_true", help="5 000 × 50 numbers (default: 200 000 × 500)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("fastreg-demo.png"), metavar="FILE",
        help="picture to write, .png, .pdf or .svg (default: fastreg-demo.png)",
    )  # fmt: skip
    parser.add_argument(
        "--no-plot", action="store_true", help="print tables only (default: draw as well)"
    )


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Fit a model to a CSV, TSV, Parquet, Arrow, NumPy, HDF5 or svmlight file, or to a folder\n"
        "of tables. Texts become a feature for each value, dates become days, months and weekdays."
    )
    parser.epilog = f"{_FIT}\n{_STATUS}"
    _add_data(parser.add_argument_group("data"))
    add_reading(parser, "texts and CSV files")
    _add_model(parser.add_argument_group("model"))
    _add_choice(parser.add_argument_group("choice"))
    _add_output(parser.add_argument_group("output"))


def _add_data(group: Any) -> None:
    group.add_argument(
        "file", type=Path, metavar="FILE",
        help="file or folder to read; .csv.gz and the like are unpacked, - is CSV on standard "
        "input",
    )  # fmt: skip
    group.add_argument(
        "--target", metavar="COL",
        help="column to predict; of a table it must be given (default in .npz and HDF5: y)",
    )  # fmt: skip
    group.add_argument(
        "--drop", type=texts, nargs="+", action="extend", default=[], metavar="COL,…",
        help="columns to leave out, such as id,name (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--categories", type=texts, nargs="+", action="extend", default=[], metavar="COL,…",
        help="columns with a feature for each value, whatever they hold, such as zip (default: "
        "texts alone)",
    )  # fmt: skip
    group.add_argument(
        "--levels", type=several, nargs="+", action="extend", default=[], metavar="COL=TEXT,…",
        help="a category and all its values, such as size=S,M,L: spares the read that looks for "
        "them (default: they are looked for)",
    )  # fmt: skip
    group.add_argument(
        "--missing", choices=("error", "drop", "indicator"), default="error",
        help="a missing value is an error, drops its row, or becomes the mean beside a feature "
        "that marks it (default: error)",
    )  # fmt: skip
    group.add_argument(
        "--standardize", action="store_true",
        help="measure numbers in standard deviations, so that the penalty takes them as they "
        "come (default: as they are)",
    )  # fmt: skip
    group.add_argument("--weights", metavar="COL", help="column of sample weights (default: ones)")
    add_offset(group)
    group.add_argument(
        "--memory", type=nonnegative, metavar="GB",
        help="most of the features held at once, such as 2; beyond, rows are read in blocks "
        "(default: 0.54, of other families 4)",
    )  # fmt: skip


def _add_model(group: Any) -> None:
    group.add_argument(
        "--model", choices=MODELS, default="ridge",
        help="penalty: of squares, of absolute values, of both (default: ridge)",
    )  # fmt: skip
    group.add_argument(
        "--family", choices=FAMILIES, default="gaussian",
        help=f"what the target holds. {_targets()} (default: gaussian)",
    )  # fmt: skip
    group.add_argument(
        "--power", type=power, metavar="P",
        help="tweedie: power of the mean that the variance grows with, at least 1, such as 1.7 "
        "(default: 1.5)",
    )  # fmt: skip
    group.add_argument(
        "--theta", type=positive, metavar="T",
        help="negative-binomial: number θ of the variance μ + μ²/θ, such as 2 (default: estimated "
        "from the rows, which must be in memory)",
    )  # fmt: skip
    group.add_argument(
        "--alpha", type=nonnegative, metavar="A",
        help="strength of the penalty, such as 0.1; of binomial 1/C (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--l1-ratio", type=fraction, metavar="R",
        help="share of absolute values of elasticnet, from 0 to 1 (default: 0.5)",
    )  # fmt: skip
    group.add_argument(
        "--no-intercept", action="store_true", help="predict 0 at the origin (default: intercept)"
    )
    group.add_argument(
        "--positive", action="store_true", help="only coefficients ≥ 0 (default: any sign)"
    )
    group.add_argument(
        "--tol", type=nonnegative, metavar="T",
        help="relative duality gap to reach, such as 1e-6 (default: 1e-4)",
    )  # fmt: skip
    group.add_argument(
        "--max-iter", type=at_least_one, metavar="N",
        help="most iterations (default: 1000, of other families 100)",
    )  # fmt: skip


def _targets() -> str:
    """Return the families and their targets."""
    return "; ".join(f"{name}: {family.target}" for name, family in FAMILIES.items())


def _add_choice(group: Any) -> None:
    group.add_argument(
        "--cv", type=folds, metavar="K",
        help="choose alpha by the errors of K folds, such as 5, in place of --alpha (default: "
        "no choice)",
    )  # fmt: skip


def _add_output(group: Any) -> None:
    group.add_argument(
        "--save", type=Path, metavar="FILE",
        help="model file to write, .json for people or .npz (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--report", type=Path, metavar="FILE",
        help="page to write, .html, with data, choice, coefficients, residuals and certificate "
        "(default: none)",
    )  # fmt: skip
    group.add_argument(
        "--plot", type=Path, metavar="FILE",
        help="picture of the fit to write, .png, .pdf or .svg (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--top", type=count, default=20, metavar="K",
        help="coefficients printed, the largest first (default: 20)",
    )  # fmt: skip


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.description = "Predict the rows of a file with a model that `fit --save` wrote."
    parser.epilog = f"{_PREDICT}\n{_STATUS}"
    data = parser.add_argument_group("data")
    data.add_argument("model", type=Path, metavar="MODEL", help="model file, .json or .npz")
    data.add_argument(
        "file", type=Path, metavar="FILE", help="file to read; - is CSV on standard input"
    )
    data.add_argument(
        "--unknown", choices=("error", "ignore"),
        help="a category that the fit has not seen is an error, or counts as none of them "
        "(default: error)",
    )  # fmt: skip
    add_offset(data)
    add_reading(parser, "texts and CSV files (default: as in the fit)")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", type=Path, metavar="FILE", help=".csv file to write (default: standard output)"
    )
    output.add_argument(
        "--keep", type=texts, nargs="+", action="extend", default=[], metavar="COL,…",
        help="columns of the file to write before the predictions, as they stand there, such as "
        "id,name (default: none)",
    )  # fmt: skip
    output.add_argument(
        "--classes", action="store_true",
        help="binomial: write the class beside its probability (default: the probability)",
    )  # fmt: skip


def add_offset(group: Any) -> None:
    """Add the options --offset and --exposure."""
    group.add_argument(
        "--offset", metavar="COL",
        help="column added to log odds or log means, such as prior (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--exposure", metavar="COL",
        help="column whose log is added to the log of the mean, such as years; of "
        f"{names(lambda family: family.has_exposure)} (default: none)",
    )  # fmt: skip
