"""Route the metadata of `fit` to the splitter and the scorer, as scikit-learn does.

With routing enabled (`sklearn.set_config(enable_metadata_routing=True)`), splitter and scorer get
what they request, and other metadata raise an error. Without it the splitter gets `groups`, and the
scorer gets the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import sklearn
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from fastreg.selection.folds import Split, as_splits, neighbours


def is_enabled() -> bool:
    return bool(sklearn.get_config()["enable_metadata_routing"])


def router(model: Any, **parts: Any) -> MetadataRouter:
    """Return the router of a model with its `splitter` and `scorer`."""
    found = MetadataRouter(owner=model).add_self_request(model)
    for name, part in parts.items():
        callee = {"splitter": "split", "scorer": "score"}[name]
        found.add(**{name: part}, method_mapping=MethodMapping().add(caller="fit", callee=callee))
    return found


def routed(model: Any, sample_weight: Any, params: dict[str, Any]) -> tuple[dict, dict]:
    """Return the metadata for the splitter and for the scorer.

    Raises
    ------
    ValueError, TypeError
        Neither of them requests one of the parameters.
    """
    if is_enabled():
        found = process_routing(model, "fit", sample_weight=sample_weight, **params)
        return found.splitter.split, found.scorer.score if "scorer" in found else {}
    unknown = sorted(params.keys() - {"groups"})
    if unknown:
        raise ValueError(
            f"{type(model).__name__}.fit got {', '.join(unknown)}: passing extra keyword arguments "
            "is only supported if enable_metadata_routing=True, see sklearn.set_config"
        )
    return params, {} if sample_weight is None else {"sample_weight": sample_weight}


def splits_of(
    cv: Any, X: Any, y: Any, params: dict[str, Any], *, classifier: bool = False
) -> Sequence[Split]:
    """Return the checked splits of a splitter, a number of folds, or an iterable of pairs.

    None means 5 folds. With `classifier`, each fold has the same share of either class.
    """
    from sklearn.model_selection import KFold, check_cv  # slow to import

    splitter = check_cv(cv, y, classifier=classifier)
    if type(splitter) is KFold and not splitter.shuffle and splitter.n_splits <= len(y):
        return as_splits(neighbours(splitter.n_splits, len(y)), len(y))
    # Splitters make CSR of other sparse matrices, a copy: they get as many empty rows.
    rows = np.zeros((len(y), 1)) if scipy.sparse.issparse(X) else X
    return as_splits(splitter.split(rows, y, **params), len(y))
