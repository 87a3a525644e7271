"""Check which options go together, before any file is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastreg.cli.known_families import FAMILIES, Family, family_of, has_log_link, names
from fastreg.cli.reading import STDIN
from fastreg.cli.values import UsageError

_EXPOSED = names(lambda family: family.has_exposure)


def check_fit(arguments: Any) -> None:
    """Raise UsageError if options of a fit cannot be combined, or the target is missing."""
    from fastreg.sources.formats import FORMATS, suffix_of

    if arguments.l1_ratio is not None and arguments.model != "elasticnet":
        raise UsageError("--l1-ratio belongs to --model elasticnet: add that, or leave it out")
    if arguments.categories and arguments.levels:
        raise UsageError(
            "--categories and --levels exclude each other: give the values of each in --levels"
        )
    if arguments.cv is not None and arguments.alpha is not None:
        raise UsageError(
            "--alpha and --cv exclude each other, because --cv chooses alpha: give one of them"
        )
    _check_family(arguments, family_of(arguments))
    check_offset(arguments)
    table = arguments.file == STDIN or suffix_of(arguments.file) in FORMATS
    if arguments.target is None and table:
        raise UsageError(f"{arguments.file}: name the column to predict with --target")


def _check_family(arguments: Any, family: Family) -> None:
    """Raise UsageError if an option does not belong to the family."""
    ridge = arguments.cv is not None and arguments.model == "ridge"
    if family.of_squares and ridge and arguments.positive:
        raise UsageError(
            "--cv and --positive exclude each other for --model ridge: use --model elasticnet"
        )
    if family.of_squares and arguments.offset:
        raise UsageError(
            f"--offset is for --family {names(lambda each: not each.of_squares)}: for "
            f"{arguments.family} subtract it from the target"
        )
    if arguments.exposure and not family.has_exposure:
        advice = "give --offset, which adds a column without a log"
        advice = "leave it out" if family.of_squares else advice
        raise UsageError(f"--exposure is for --family {_EXPOSED}: {advice}")
    for name, other in FAMILIES.items():
        option = other.number
        if option and option != family.number and getattr(arguments, option) is not None:
            raise UsageError(f"--{option} belongs to --family {name}: add that, or leave it out")


def check_offset(arguments: Any) -> None:
    """Raise UsageError if both kinds of offset are given, or the file has no named columns."""
    name, file = arguments.offset or arguments.exposure, arguments.file
    if arguments.offset and arguments.exposure:
        raise UsageError("--offset and --exposure exclude each other: give --offset or --exposure")
    if name and not _is_table(file):
        raise UsageError(
            f"{name!r} must be a column of a table, and {file} is not a table: give a table"
        )


def _is_table(file: Path) -> bool:
    """Return whether a file, or a folder, has named columns."""
    from fastreg.sources.formats import FORMATS, suffix_of

    suffix = suffix_of(file)
    return file == STDIN or suffix in FORMATS or (file.is_dir() and suffix != ".zarr")


def check_predict(arguments: Any, model: Any) -> None:
    """Raise UsageError if options of a prediction do not fit this model."""
    from fastreg.linear_model.base import LinearRegressor
    from fastreg.linear_model.generalized import Generalized

    name = type(model).__name__
    if not isinstance(model, LinearRegressor | Generalized):
        raise UsageError(
            f"{arguments.model} holds a {name}, which does not predict files: load it in Python "
            "with fastreg.load_model"
        )
    if arguments.classes and not hasattr(model, "classes_"):
        raise UsageError(
            f"--classes is for models of --family binomial, this is a {name}: leave it out"
        )
    if not isinstance(model, Generalized) and (arguments.offset or arguments.exposure):
        raise UsageError(
            f"--offset and --exposure are for other families, this is a {name}: leave them out"
        )
    if arguments.exposure and not has_log_link(model):
        raise UsageError(
            f"--exposure is for models of --family {_EXPOSED}, this is a {name}: leave it out"
        )
    if arguments.keep and not _is_table(arguments.file):
        raise UsageError(
            f"--keep is for tables, which have names of columns, and {arguments.file} is not a "
            "table: leave it out"
        )
    check_offset(arguments)
