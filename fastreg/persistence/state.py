"""A model as plain data with arrays in it, and back."""

from __future__ import annotations

from typing import Any

import fastreg
from fastreg.persistence import paths, version_1
from fastreg.persistence.models import estimator_of, made_of, parts_of

State = dict[str, Any]
_FORMAT, _VERSION = "fastreg model", 2


def describe(model: Any) -> State:
    """All that a model is."""
    kind = type(model)
    name = kind.__name__
    state = {
        "format": _FORMAT,
        "version": _VERSION,
        "fastreg": fastreg.__version__,
        "estimator": name,
    }
    if paths.is_path(model):
        return state | {"params": {}, "attributes": paths.parts_of(model)}
    _check_ours(kind)
    parts = parts_of("", model)
    if not parts["attributes"]:
        raise ValueError(f"this {name} is not fitted; there is nothing to save")
    made_of(kind, **parts)  # whatever `load_model` would refuse is not written
    return state | parts


def _check_ours(kind: type) -> None:
    try:
        ours = estimator_of(kind.__name__) is kind
    except ValueError:
        ours = False
    if not ours:
        raise ValueError(
            "only fastreg's own estimators and paths can be saved, "
            f"not {kind.__module__}.{kind.__qualname__}"
        )


def rebuild(state: Any) -> Any:
    """The model of a state that nobody has checked yet."""
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise ValueError("it was not written by fastreg.save_model")
    version = state.get("version")
    if type(version) is int and version > _VERSION:
        raise ValueError(
            f"it has format version {version}, written by fastreg {state.get('fastreg')!s:.20}; "
            f"this fastreg {fastreg.__version__} reads versions up to {_VERSION}: install a newer"
        )
    if type(version) is not int or version < 1:
        raise ValueError(f"it has format version {version!r}, not 1 or {_VERSION}")
    if version == 1:
        state = version_1.upgraded(state)
    for key in ("params", "attributes"):
        if not isinstance(state.get(key), dict) or (key == "attributes" and not state[key]):
            raise ValueError(f"{key} is missing")
    name = state.get("estimator")
    if name in paths.KINDS:
        return paths.made_of(name, state["attributes"])
    return made_of(estimator_of(name), state["params"], state["attributes"])
