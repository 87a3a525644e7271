"""The command line: `fastreg fit`, `fastreg predict`, `fastreg demo`, `fastreg warmup`.

Each error is one line on stderr, or several for a table with several faults. It leaves no
half-written file. The exit status names the kind of error: 1 for a file or a fit, 2 for the command
line, 3 for a tolerance that was not reached, 130 for an interrupt.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from fastreg.cli.values import UsageError

_FAULTS = (ValueError, OSError, ImportError, MemoryError, ArithmeticError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, default=None
        Words of the command line. None takes those of the process.

    Returns
    -------
    int
        Exit status: 0, or the kind of error.
    """
    from fastreg.cli.warned import Warned

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without "²" shows an escape for it
            stream.reconfigure(errors="backslashreplace")
    try:
        with Warned() as warned:
            _run(argv)
            sys.stdout.flush()
        return 3 if warned.unfinished else 0
    except KeyboardInterrupt:
        print("fastreg: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _FAULTS as error:
        from fastreg.cli.wording import in_words

        print(f"fastreg: error: {in_words(error)}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _run(argv: Sequence[str] | None) -> None:
    from fastreg.cli.options import parser

    known = parser()
    arguments = known.parse_args(argv)
    if arguments.command is None:
        known.print_help()
    elif arguments.command == "fit":
        from fastreg.cli.fit import fit

        fit(arguments)
    elif arguments.command == "predict":
        from fastreg.cli.predict import predict

        predict(arguments)
    else:
        {"demo": _demo, "warmup": _warmup}[arguments.command](arguments)


def _demo(arguments: argparse.Namespace) -> None:
    from fastreg.cli import demo
    from fastreg.cli.options import PICTURES
    from fastreg.cli.outputs import check_output

    if not arguments.no_plot:
        check_output(arguments.out, PICTURES, "--out", ())
    demo.run(quick=arguments.quick, out=None if arguments.no_plot else arguments.out)


def _warmup(arguments: argparse.Namespace) -> None:
    from fastreg.warming import warmup

    families = arguments.family and [name.replace("-", "_") for name in arguments.family]
    for name, seconds in warmup(families, arguments.processes).items():
        print(f"{name:26s} {seconds:6.1f} s")
