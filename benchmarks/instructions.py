"""Instructions of one call of each kernel: a number that no noise moves.

    python -m benchmarks.instructions [SUBSTRING …]

`perf stat` counts them between two marks that the measured process sets, in user space and
on one thread. Where there is no perf, or no counter, as on most virtual machines, it says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

from benchmarks import roofline

CALLS = 10
_PERF = ["perf", "stat", "-x,", "-e", "instructions:u"]


def supported() -> bool:
    """Whether this machine counts instructions."""
    return shutil.which("perf") is not None and _count(_output([*_PERF, "true"])) is not None


def _output(command: list[str], **options: Any) -> str:
    """What a command writes to its standard error."""
    return subprocess.run(command, capture_output=True, text=True, check=False, **options).stderr


def _count(text: str) -> int | None:
    """The number in what `perf stat -x,` writes; None for <not supported> and the like."""
    for fields in (row.split(",") for row in text.splitlines()):
        if len(fields) > 2 and fields[2].startswith("instructions") and fields[0].isdigit():
            return int(fields[0])
    return None


def instructions(case: str) -> float:
    """Instructions of one call of a quick case."""
    to_perf, from_here = os.pipe()
    to_here, from_perf = os.pipe()
    ends = (to_perf, from_here, to_here, from_perf)
    command = [*_PERF, "-D", "-1", f"--control=fd:{to_perf},{from_perf}", sys.executable]
    command += ["-m", __spec__.name, "--marked", case, str(from_here), str(to_here)]
    found = _output(command, env={**os.environ, "FASTREG_NUM_THREADS": "1"}, pass_fds=ends)
    for end in ends:
        os.close(end)
    count = _count(found)
    if count is None:
        raise RuntimeError(f"perf stat failed for {case}: {found.strip()[-500:]}")
    return count / CALLS


def marked(case: str, write: int, read: int) -> None:
    """In the measured process: CALLS calls between `enable` and `disable`."""
    bound = roofline.cases("quick")[case]
    data = bound.make()
    bound.run(data)  # compiles
    for mark, calls in ((b"enable\n", CALLS), (b"disable\n", 0)):
        os.write(write, mark)
        os.read(read, 16)  # perf answers when it is done
        for _ in range(calls):
            bound.run(data)


def main(only: list[str]) -> None:
    if not supported():
        print("Instructions cannot be counted here: no perf, or no hardware counter.")
        return
    for bound in roofline.selected("quick", only):
        print(f"{bound.name:42}{instructions(bound.case):16,.0f} a call", flush=True)


if __name__ == "__main__":
    marks = sys.argv[1:2] == ["--marked"]
    marked(sys.argv[2], *map(int, sys.argv[3:])) if marks else main(sys.argv[1:])
