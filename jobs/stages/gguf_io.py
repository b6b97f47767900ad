"""Read a GGUF file, quantize its tensors with ggml's own kernels, and write it anew.

The kernels are those of the engine that will serve the file: xllamacpp's shared object exports them, so no
compiler and no second library is needed. Files are read and written with ``gguf``.
"""

import ctypes
import errno
import os
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import (
    GGML_QUANT_SIZES,
    GGML_QUANT_VERSION,
    GGMLQuantizationType,
    GGUFReader,
    GGUFValueType,
    GGUFWriter,
    LlamaFileType,
)
from gguf.constants import Keys
from gguf.gguf_reader import ReaderTensor
from gguf.quants import dequantize

from jobs.specs import MIXED

# A K-quant packs 256 weights; SmolLM2's rows of 576 are no multiple. The same replacements as in llama.cpp.
FALLBACK = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
# An error in these meets every token, and a small model has most of its weights here.
OUTER = ("token_embd.weight", "output.weight")
SMALL = ("Q5_K", "Q5_0", "Q4_K", "Q4_0")
_OWN_KEYS = {Keys.General.ARCHITECTURE, Keys.General.FILE_TYPE, Keys.General.QUANTIZATION_VERSION}
FILE_TYPES = {
    "F16": LlamaFileType.MOSTLY_F16,
    "Q8_0": LlamaFileType.MOSTLY_Q8_0,
    "Q6_K": LlamaFileType.MOSTLY_Q6_K,
    "Q5_K": LlamaFileType.MOSTLY_Q5_K_S,
    "Q4_K": LlamaFileType.MOSTLY_Q4_K_S,
    "Q5_0": LlamaFileType.MOSTLY_Q5_0,
    "Q4_0": LlamaFileType.MOSTLY_Q4_0,
    MIXED: LlamaFileType.GUESSED,
}
_ROWS_AT_ONCE = 1024

Bytes = npt.NDArray[np.uint8]


@cache
def _ggml() -> ctypes.CDLL:
    import xllamacpp.xllamacpp

    library = ctypes.CDLL(xllamacpp.xllamacpp.__file__)
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = (
        [ctypes.c_int] + [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    )
    library.ggml_quantize_init.argtypes = [ctypes.c_int]
    return library


def quantize_rows(
    weights: npt.NDArray[np.float32],
    kind: GGMLQuantizationType,
    importance: npt.NDArray[np.float32] | None = None,
) -> Bytes:
    """(rows, width) floats as (rows, bytes in a row). The width is a multiple of the type's block.

    ``importance``, (width,), is the mean square of what meets each column; errors there are kept smaller where the
    type has a choice.
    """
    rows, width = weights.shape
    weights = np.ascontiguousarray(weights, dtype=np.float32)
    out = np.empty((rows, _ggml().ggml_row_size(kind, width)), dtype=np.uint8)
    columns = None if importance is None else np.ascontiguousarray(importance, dtype=np.float32)
    _ggml().ggml_quantize_init(kind)  # Before the threads: it fills the kernels' tables.

    def part(start: int) -> None:
        count = min(_ROWS_AT_ONCE, rows - start)
        # The start is counted in weights and applies to both ends.
        source, target = weights.ctypes.data, out.ctypes.data
        weighed = None if columns is None else columns.ctypes.data
        _ggml().ggml_quantize_chunk(kind, source, target, start * width, count, width, weighed)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # ctypes lets go of the GIL
        list(pool.map(part, range(0, rows, _ROWS_AT_ONCE)))
    return out


@dataclass(frozen=True)
class Recipe:
    """How a file's tensors are quantized: all to one type, or as ``kinds`` says, with ``importance`` where it is known."""

    wanted: str
    importance: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    """By tensor, for each of its columns."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """By tensor; the others become ``wanted``."""

    def kind(self, tensor: ReaderTensor) -> GGMLQuantizationType:
        """Norms and biases keep their 32 bits."""
        if len(tensor.shape) < 2:
            return GGMLQuantizationType.F32
        if tensor.name in self.kinds:
            return GGMLQuantizationType[self.kinds[tensor.name]]
        return kind_for(tensor.name, int(tensor.shape[0]), self.wanted)


def kind_for(name: str, width: int, wanted: str) -> GGMLQuantizationType:
    """The type a matrix of rows of ``width`` gets when the file is to be ``wanted``."""
    kind = "Q6_K" if name in OUTER and wanted in SMALL else wanted
    for choice in (kind, FALLBACK.get(kind, kind)):
        if fits(choice, width):
            return GGMLQuantizationType[choice]
    return GGMLQuantizationType.F16


def fits(kind: str, width: int) -> bool:
    """Whether rows of ``width`` divide into the type's blocks."""
    return width % GGML_QUANT_SIZES[GGMLQuantizationType[kind]][0] == 0


def row_bytes(kind: GGMLQuantizationType, width: int) -> int:
    return _ggml().ggml_row_size(kind, width)


def quantize_file(source: Path, goal: Path, recipe: Recipe, on_tensor: Callable[[int, int], None]) -> None:
    """Write ``source`` (f16) to ``goal`` by the recipe, whole or not at all. ``on_tensor``: done, total.

    Raises OSError when the disk is full; an earlier ``goal`` then stands as it was.
    """
    reader = GGUFReader(source)
    fresh = goal.with_name(f".{goal.name}.tmp")
    try:
        _write(reader, fresh, recipe, on_tensor)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.rename(goal)
    finally:
        fresh.unlink(missing_ok=True)


def _write(reader: GGUFReader, fresh: Path, recipe: Recipe, on_tensor: Callable[[int, int], None]) -> None:
    writer = GGUFWriter(fresh, reader.fields[Keys.General.ARCHITECTURE].contents())
    try:
        _copy_metadata(reader, writer)
        writer.add_file_type(FILE_TYPES[recipe.wanted])
        writer.add_quantization_version(GGML_QUANT_VERSION)
        plan = [(tensor, recipe.kind(tensor)) for tensor in reader.tensors]
        for tensor, kind in plan:
            rows, width = _rows(tensor)
            shape = [int(n) for n in reversed(tensor.shape)]
            size = rows * _ggml().ggml_row_size(kind, width)
            writer.add_tensor_info(tensor.name, shape, np.dtype(np.float32), size, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for done, (tensor, kind) in enumerate(plan, start=1):
            _write_tensor(writer, _converted(tensor, kind, recipe.importance.get(tensor.name)))
            on_tensor(done, len(plan))
    finally:
        writer.close()


def _write_tensor(writer: GGUFWriter, data: npt.NDArray[Any]) -> None:
    try:
        writer.write_tensor_data(data)
    except OSError as error:
        # numpy says "n requested and m written" and drops the number that says why.
        raise error if error.errno else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _copy_metadata(reader: GGUFReader, writer: GGUFWriter) -> None:
    """Everything but what the writer sets itself, the chat template and the tokenizer included."""
    for name, fact in reader.fields.items():
        if name.startswith("GGUF.") or name in _OWN_KEYS:
            continue
        kind = fact.types[0]
        inner = fact.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(name, fact.contents(), kind, sub_type=inner)


def _rows(tensor: ReaderTensor) -> tuple[int, int]:
    """How many rows of how many weights; GGUF gives the width first."""
    width = int(tensor.shape[0])
    return int(tensor.n_elements) // width, width


def _converted(
    tensor: ReaderTensor, kind: GGMLQuantizationType, importance: npt.NDArray[np.float32] | None
) -> npt.NDArray[Any]:
    if tensor.tensor_type == kind:
        return tensor.data
    weights = dequantize(tensor.data, tensor.tensor_type)
    if kind in (GGMLQuantizationType.F32, GGMLQuantizationType.F16):
        return weights.astype(np.float32 if kind == GGMLQuantizationType.F32 else np.float16)
    return quantize_rows(weights.reshape(_rows(tensor)), kind, importance)


def describe(path: Path) -> dict[str, Any]:
    """{tensors, types, chat_template} of a GGUF file, as read back from it. Raises ValueError for a broken
    one.
    """
    reader = GGUFReader(path)
    template = reader.fields.get(Keys.Tokenizer.CHAT_TEMPLATE)
    types = Counter(GGMLQuantizationType(tensor.tensor_type).name for tensor in reader.tensors)
    return {
        "tensors": len(reader.tensors),
        "types": dict(types),
        "chat_template": template.contents() if template else None,
    }
