"""What each family is: the one table that all of the command line asks.

The parser reads it for its help, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Family:
    """What one value of --family means.

    target : what the target holds
    estimator : name of the estimator in `fastreg`, and with CV of the one that chooses its
        strength; "" for least squares, where --model names it
    prediction : what a prediction is
    gains : what grows by a coefficient, with its verb
    has_classes : whether the target has two classes, and --alpha is 1/C
    has_exposure : whether the log of the mean is linear, so that the log of an exposure can be
        added to it
    number : name of the option, and of the parameter, that is a number of this family; "" if none
    default : that number where it is not given; None if it is estimated from rows in memory then
    fixed : other parameters of the estimator
    """

    target: str
    estimator: str
    prediction: str
    gains: str = "the log of the mean gains"
    has_classes: bool = False
    has_exposure: bool = True
    number: str = ""
    default: float | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_squares(self) -> bool:
        """Whether it is least squares, which has moments and takes no offset."""
        return not self.estimator

    @property
    def estimates(self) -> bool:
        """Whether its number is estimated where it is not given."""
        return bool(self.number) and self.default is None

    def parameters(self, arguments: Any) -> dict[str, Any]:
        """Return the parameters of the estimator that the family adds."""
        if not self.number:
            return dict(self.fixed)
        given = getattr(arguments, self.number)
        return {**self.fixed, self.number: self.default if given is None else given}


FAMILIES = {
    "gaussian": Family(
        "numbers", "", "mean", gains="the prediction gains", has_exposure=False
    ),
    "binomial": Family(
        "two classes", "LogisticRegression", "probability of the second class",
        gains="the log odds gain", has_classes=True, has_exposure=False,
    ),
    "poisson": Family(
        "counts", "PoissonRegressor", "mean count; the variance is the mean"
    ),
    "gamma": Family(
        "amounts above 0", "GammaRegressor",
        "mean amount; the variance is in proportion to its square",
    ),
    "tweedie": Family(
        "amounts of which some are 0", "TweedieRegressor",
        "mean amount; the variance is in proportion to its power", number="power", default=1.5,
    ),
    "inverse-gaussian": Family(
        "amounts above 0 with a long tail", "TweedieRegressor",
        "mean amount; the variance is in proportion to its third power", fixed={"power": 3.0},
    ),
    "negative-binomial": Family(
        "counts that vary more than those of poisson", "NegativeBinomialRegressor",
        "mean count; the variance is mean + mean²/theta", number="theta",
    ),
}  # fmt: skip


def family_of(arguments: Any) -> Family:
    """Return the family that the command line names."""
    return FAMILIES[arguments.family]


def names(which: Callable[[Family], Any]) -> str:
    """Return the names of the families with a property, in words."""
    *first, last = (name for name, family in FAMILIES.items() if which(family))
    return f"{', '.join(first)} or {last}" if first else last


def has_log_link(model: Any) -> bool:
    """Whether the log of the mean of a fitted model is linear in the features."""
    from fastreg.losses import traits

    return not (hasattr(model, "classes_") or traits(model._loss).quadratic)


def family_words(family: Family, model: Any, arguments: Any) -> list[tuple[str, str]]:
    """Return the lines of the report on what is predicted, the offset and the family's number."""
    out = [] if family.has_classes else [("prediction", family.prediction)]
    if family.number:
        out.append((family.number, _number_words(family, model)))
    if arguments.offset:
        out.append(("offset", f"{arguments.offset}; give --offset to predict as well"))
    if arguments.exposure:
        out.append(("exposure", f"{arguments.exposure}; give --exposure to predict too"))
    return out


def _number_words(family: Family, model: Any) -> str:
    """Return a number, and how far it is known where it was estimated."""
    given = getattr(model, family.number)
    if given is not None:
        return f"{given:g}"
    value, error = (getattr(model, f"{family.number}_{end}") for end in ("", "se_"))
    if error != error:  # NaN: none is the most likely
        return f"{value:.6g}, the end of the range: none is the most likely"
    return f"{value:.6g}, estimated with a standard error of {error:.3g}"
