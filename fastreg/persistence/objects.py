"""Certificates, reports, losses and penalties as their parts."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from fastreg.persistence.plain import Parts, decode, encode, register

_HOMES = {
    "Bounded": "penalties",
    "Certificate": "certificate",
    "ChoiceCertificate": "selection.choice",
    "GradientReport": "network.report",
    "L1": "penalties",
    "Gamma": "losses",
    "Logistic": "losses",
    "Multinomial": "losses",
    "NegativeBinomial": "losses",
    "Poisson": "losses",
    "SquaredHinge": "losses",
    "Tweedie": "losses",
    "Snapshot": "network.report",
    "Squared": "losses",
    "Step": "network.adaptive",
}


def class_of(name: str) -> Any:
    return getattr(importlib.import_module(f"fastreg.{_HOMES[name]}"), name)


def _fields(kind: Any) -> tuple[str, ...]:
    if hasattr(kind, "_fields"):
        return tuple(kind._fields)
    return tuple(each.name for each in dataclasses.fields(kind))


def _parts_of(name: str, value: Any) -> Parts:
    return {key: encode(f"{name}.{key}", getattr(value, key)) for key in _fields(type(value))}


def _made_of(kind: str) -> Any:
    def make(name: str, parts: Parts) -> Any:
        made = class_of(kind)
        if set(parts) != set(_fields(made)):
            raise ValueError(f"{name} has other parts than a {kind}: {', '.join(parts)}")
        return made(**{key: decode(f"{name}.{key}", each) for key, each in parts.items()})

    return make


for _name in _HOMES:
    register(_name, _parts_of, _made_of(_name))


def _encoding_from(name: str, parts: Parts) -> Any:
    from fastreg.sources.encoding import Encoding

    return Encoding.from_plain(parts)


register("Encoding", lambda _, value: value.to_plain(), _encoding_from)
