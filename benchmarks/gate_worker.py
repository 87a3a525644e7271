"""One side of `benchmarks.gate`: times the cases of the tree that PYTHONPATH names.

Reads one JSON object a line from standard input, and answers each with one on standard output:

    {"list": "quick"}                             → names of the cases
    {"case": name, "size": size, "calls": count}  → seconds a call, the mean of `count`
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def answer(question: dict[str, Any], cases: dict[str, Any], runs: dict[str, Any]) -> Any:
    if "list" in question:
        return [name for name, case in cases.items() if question["list"] in case.sizes]
    name, size, calls = question["case"], question["size"], question["calls"]
    case = cases[name]
    if name not in runs:
        runs.clear()  # the data of one case at a time
        runs[name] = case.data(size)
        case.fastreg(runs[name])  # compiles
    data = runs[name]
    start = time.perf_counter()
    for _ in range(calls):
        case.fastreg(data)
    return (time.perf_counter() - start) / calls


def main() -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # nothing that a case prints is an answer
    from benchmarks.cases import CASES

    runs: dict[str, Any] = {}
    for line in sys.stdin:
        try:
            reply = {"answer": answer(json.loads(line), CASES, runs)}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(reply) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
