"""Files and frames as record batches of pyarrow, decoded when they are asked for.

One batch at a time, by the readers of each format: pyarrow's own scanner decodes ahead of whoever
is slower, up to 0.6 GB of it for 100 columns.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastreg.sources import csv_files
from fastreg.sources.complaints import ComplaintError
from fastreg.sources.conversion import Conversion, Note, conversion_of
from fastreg.sources.csv_files import Advance, Csv, Known
from fastreg.sources.csv_lines import PACKED
from fastreg.sources.frames import as_arrow
from fastreg.sources.names import guarded
from fastreg.sources.rows import row_of
from fastreg.sources.text import Text

FORMATS = {
    ".csv": "CSV", ".tsv": "CSV", ".parquet": "Parquet", ".pq": "Parquet", ".arrow": "Arrow",
    ".feather": "Arrow", **{f"{of}{packed}": "CSV" for of in (".csv", ".tsv") for packed in PACKED},
}  # fmt: skip
_PAGE_BYTES = 1 << 16  # of each column of a Parquet file, in place of the column's row group
_PACKED = 1032  # times that a text may be longer than its file: the most that gzip does


def suffix_of(path: Path) -> str:
    """That which says what a file holds: of `d.csv.gz` both."""
    last = path.suffix.lower()
    return "".join(path.suffixes[-2:]).lower() if last in PACKED else last


def _nobody(rows: int, size: int) -> None:
    """Is told of what was read."""


@dataclass(frozen=True)
class Found:
    """What is to be read.

    name, kind : for messages
    files : none of a frame
    data : pyarrow data set of the files, table, or how CSV files are read
    read : the columns as they are read, and the types that all files are read as
    conversion : of texts
    doubts : about columns whose first rows do not tell what they hold
    """

    name: str
    kind: str
    files: list[str]
    data: Any
    read: Any
    conversion: Conversion
    doubts: Sequence[ComplaintError] = ()

    @property
    def schema(self) -> Any:
        """The columns, and the types that they have in the end."""
        return self.conversion.schema(self.read)

    @property
    def n_bytes(self) -> int | None:
        return sum(Path(file).stat().st_size for file in self.files) or None

    @property
    def is_packed(self) -> bool:
        return any(Path(file).suffix.lower() in PACKED for file in self.files)

    @property
    def most_rows(self) -> int | None:
        """What it has no more rows than, None where nobody can tell: a value of a CSV file takes
        a digit and a comma."""
        if self.kind != "CSV":
            return self.count_rows()
        n_bytes = (self.n_bytes or 0) * (_PACKED if self.is_packed else 1)
        return n_bytes // (2 * len(self.read)) + 1

    @property
    def near(self) -> set[str]:
        """Columns of numbers that the first block of a CSV file shows to be near zero."""
        if self.kind != "CSV":
            return set()
        rows = 2 * (self.most_rows or 0)  # other values may be a comma alone
        return {name for name, most in self.data.near.items() if rows <= most}

    def count_rows(self) -> int | None:
        """The number of rows, None where that takes a read of all of them."""
        if self.kind == "CSV":
            return None
        if not self.files:
            return int(self.data.num_rows)
        return int(guarded(self.name, self.data.count_rows, self.kind))

    def parts(
        self,
        columns: list[str],
        rows: int,
        advance: Advance = _nobody,
        note: Note | None = None,
    ) -> Iterator[tuple[str, Iterator[Any]]]:
        """(file, its batches of these columns, of about so many rows) of each file.

        Parameters
        ----------
        advance : told of the (rows, bytes) of each batch once it was used
        note : told of texts that are no numbers or dates; None raises the first, see `Conversion`
        """
        for place, batches in self.written(columns, rows, advance):
            yield place, self._converted(place, batches, note)

    def written(
        self, columns: list[str], rows: int, advance: Advance = _nobody
    ) -> Iterator[tuple[str, Iterator[Any]]]:
        """The same, with texts that are not converted."""
        if not self.files:
            yield self.name, iter(self.data.select(columns).to_batches(max_chunksize=rows))
        elif self.kind == "CSV":
            for file in self.files:
                place = self.data.place(file)
                yield place, self._guarded(place, self.data.batches(file, columns, advance))
        else:
            read = {"Parquet": _read_parquet, "Arrow": _read_arrow}[self.kind]
            for fragment in self.data.get_fragments():
                batches = _telling(read(self, fragment, columns, rows), advance)
                yield fragment.path, self._guarded(fragment.path, batches)

    def _guarded(self, place: str, batches: Iterator[Any]) -> Iterator[Any]:
        while True:
            batch = guarded(place, lambda: next(batches, None), self.kind)
            if batch is None:
                return
            if batch.num_rows:
                yield batch

    def _converted(self, place: str, batches: Iterator[Any], note: Note | None) -> Iterator[Any]:
        row = 0
        for batch in batches:
            yield self.conversion.batch(batch, functools.partial(_row_after, place, row), note)
            row += batch.num_rows

    def place_of(self, column: str, value: str) -> str:
        """Where a text stands first, "" if nowhere."""
        import pyarrow.compute as pc

        for place, batches in self.parts([column], 1 << 16):
            row = 0
            for batch in batches:
                texts = batch.column(0).cast("string")
                at = pc.index(texts, value).as_py()
                if at >= 0:
                    return row_of(place, row + at)
                row += batch.num_rows
        return ""


def _row_after(place: str, first: int, i: int) -> str:
    return row_of(place, first + i)


def find(data: Any, text: Text, known: Known, drop: Collection[str] = ()) -> Found:
    """A path, paths, a folder of files or a frame.

    Parameters
    ----------
    text, known : how texts are read, and what is known of columns
    drop : columns of a frame that nobody needs

    Raises
    ------
    ValueError, ImportError
        There is no such file, it cannot be read, or pyarrow is missing.
    """
    conversion = conversion_of(text)
    if hasattr(data, "columns") or hasattr(data, "column_names"):
        check_pyarrow("the frame")
        doubts: list[ComplaintError] = []
        table = as_arrow(data, drop, doubts.append)
        return Found("the frame", "frame", [], table, table.schema, conversion, doubts)
    paths = [data] if not isinstance(data, list | tuple) else list(data)
    files = [str(file) for path in paths for file in _files_under(Path(path))]
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    kinds = {FORMATS[suffix_of(Path(file))] for file in files}
    if len(kinds) > 1:
        raise ValueError(f"{name} mixes {' and '.join(sorted(kinds))} files: read one kind")
    (kind,) = kinds
    check_pyarrow(name)
    if kind == "CSV":
        text = _with_tabs(name, files, text)
        how: Csv = guarded(name, lambda: csv_files.inspect(files[0], text, known), kind)
        doubts = [
            ComplaintError(f"{name} cannot be read as {kind}: {each}", *each.topic)
            for each in how.doubts
        ]
        return Found(name, kind, files, how, how.schema, how.conversion, doubts)
    return Found(name, kind, files, *_dataset(name, kind, files), conversion)


def _with_tabs(name: str, files: list[str], text: Text) -> Text:
    """How `.tsv` files are read: by tabs, unless another `sep` is given."""
    tabs = {suffix_of(Path(file)).startswith(".tsv") for file in files}
    if text.sep is not None or tabs == {False}:
        return text
    if len(tabs) > 1:
        raise ValueError(f"{name} mixes .csv and .tsv files: read one kind, or give sep")
    return replace(text, sep="\t")


def files_of(path: Path) -> list[Path]:
    """The files that are read for a path: itself, of a folder its tables, of zarr all."""
    if not path.is_dir():
        return [path] if path.exists() else []
    files = sorted(path.rglob("*"))
    if path.suffix.lower() == ".zarr":
        return [file for file in files if file.is_file()]
    files = [file for file in files if suffix_of(file) in FORMATS]
    return [file for file in files if not file.name.startswith(("_", "."))]


def _files_under(path: Path) -> list[Path]:
    if path.is_dir():
        files = files_of(path)
        if not files:
            raise ValueError(f"{path} has no file that ends in {', '.join(FORMATS)}")
        return files
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    if suffix_of(path) not in FORMATS:
        raise ValueError(f"{path}: a table ends in {', '.join(FORMATS)}")
    return [path]


def check_pyarrow(name: str) -> None:
    """ImportError if pyarrow is not there, or cannot be imported."""
    for module in ("pyarrow", "pyarrow.csv", "pyarrow.dataset", "pyarrow.parquet"):
        needed(module, name, "pip install 'fastreg[cli]'")


def needed(module: str, name: str, way: str) -> Any:
    """A module that reading `name` needs; one that is there and broken is no missing one."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name in (module, module.partition(".")[0]):
            raise ImportError(f"{name}: reading it needs {module}: {way}") from None
        raise ImportError(_broken(module, name, error)) from error
    except Exception as error:  # built against another NumPy: ImportError, AttributeError, …
        raise ImportError(_broken(module, name, error)) from error


def _broken(module: str, name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())
    return (
        f"{name}: reading it needs {module}, which is installed but cannot be imported: {reason}; "
        "install a build of it that fits this Python and NumPy"
    )


def _dataset(name: str, kind: str, files: list[str]) -> tuple[Any, Any]:
    """(data set, schema) of the files."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    options = {"format": {"Parquet": "parquet", "Arrow": "ipc"}[kind], "partitioning": "hive"}
    base = {"partition_base_dir": name} if Path(name).is_dir() else {}
    found = guarded(name, lambda: ds.dataset(files, **options, **base), kind)
    schema = guarded(name, lambda: _unified(found), kind)
    index = (found.schema.pandas_metadata or {}).get("index_columns", [])
    return found, pa.schema([field for field in schema if field.name not in index])


def _unified(data: Any) -> Any:
    """The columns of all files, whole numbers in one and fractions in another as fractions."""
    import pyarrow as pa

    own = [data.schema, *(fragment.physical_schema for fragment in data.get_fragments())]
    return pa.unify_schemas([each.remove_metadata() for each in own], promote_options="permissive")


# ---------------------------------------------------------------- readers


def _telling(batches: Iterator[Any], advance: Advance) -> Iterator[Any]:
    for batch in batches:
        yield batch
        advance(batch.num_rows, batch.nbytes)


def _read_parquet(found: Found, fragment: Any, columns: list[str], rows: int) -> Iterator[Any]:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    keys = ds.get_partition_keys(fragment.partition_expression)
    with pq.ParquetFile(fragment.path, pre_buffer=False, buffer_size=_PAGE_BYTES) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(rows, columns=there):
            yield _as_columns(batch, columns, keys, found.read)


def _read_arrow(found: Found, fragment: Any, columns: list[str], rows: int) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.dataset as ds

    keys = ds.get_partition_keys(fragment.partition_expression)
    with pa.OSFile(fragment.path) as file:  # a map would count as memory of the process
        reader = pa.ipc.open_file(file)
        for i in range(reader.num_record_batches):
            yield _as_columns(reader.get_batch(i), columns, keys, found.read)


def _as_columns(batch: Any, columns: list[str], keys: dict[str, Any], schema: Any) -> Any:
    """A batch with these columns, of the types of the schema: from the file, from the name of its
    folder, or missing."""
    import pyarrow as pa

    there, arrays = set(batch.schema.names), []
    for name in columns:
        kind = schema.field(name).type
        if name in there:
            array = batch.column(name)
            arrays.append(array if array.type == kind else array.cast(kind))
        elif name in keys:
            arrays.append(pa.repeat(pa.scalar(keys[name]), batch.num_rows).cast(kind))
        else:
            arrays.append(pa.nulls(batch.num_rows, kind))
    return pa.RecordBatch.from_arrays(arrays, names=columns)
