"""The model that a stage of compression starts from: a base, or what an earlier stage made of it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from jobs.catalogue import Installed
from jobs.rundir import file_sha256, write_json_atomic
from jobs.stages.entry import Output, StageRefusal
from jobs.stages.packing import IGNORED, Row
from jobs.stages.weights import ensure_hf_folder, load_model, load_tokenizer

MODEL = "model"
"""A whole checkpoint in an artifact folder, beside which no base is needed."""
KEPT_TOKENS = "kept_tokens.json"
"""In a checkpoint whose vocabulary was trimmed: the base's id of each of its tokens."""


@dataclass
class Source:
    """A model in memory, its tokenizer, and what it has of the base's vocabulary."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    kept: list[int] | None
    """The base's ids in the order of the model's own; None for all of them."""


def load_source(base: Installed, made: str, dtype: torch.dtype = torch.float32) -> Source:
    """The base, or the model in the artifact folder ``made``: a whole one, or an adapter to merge into the base.

    Raises StageRefusal where the folder holds neither.
    """
    if made and (Path(made) / MODEL / "config.json").is_file():
        folder = Path(made) / MODEL
        return Source(load_model(folder, dtype), load_tokenizer(folder, base), read_kept(folder))
    folder = ensure_hf_folder(base)
    model, tokenizer = load_model(folder, dtype), load_tokenizer(folder, base)
    if not made:
        return Source(model, tokenizer, None)
    adapter = Path(made) / "adapter"
    if not (adapter / "adapter_model.safetensors").is_file():
        raise StageRefusal("The trained model is not here. Run the stage that makes it again.")
    merged = PeftModel.from_pretrained(model, adapter, local_files_only=True).merge_and_unload(
        safe_merge=True
    )
    return Source(merged, tokenizer, None)


def read_kept(folder: Path) -> list[int] | None:
    path = folder / KEPT_TOKENS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def save_source(source: Source, artifact: Path, facts: dict[str, object]) -> Output:
    """The model as an ordinary checkpoint ``artifact/model``, in place by rename, beside it how it was made.

    In 16 bits, which is what it is converted to before it is quantized. Raises OSError when the disk is full.
    """
    fresh, goal = artifact / f".{MODEL}", artifact / MODEL
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        source.model.to(torch.float16).save_pretrained(fresh)
        source.tokenizer.save_pretrained(fresh)
        if source.kept is not None:
            write_json_atomic(fresh / KEPT_TOKENS, source.kept)
        write_json_atomic(fresh / "made.json", facts)
        shutil.rmtree(goal, ignore_errors=True)
        fresh.rename(goal)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    weights = sorted(goal.glob("*.safetensors"))
    return Output("model", weights[0], {"files": {path.name: file_sha256(path) for path in weights}})


class Translation:
    """From the base's token ids to those of a model with a trimmed vocabulary."""

    def __init__(self, kept: list[int] | None) -> None:
        self._place = None if kept is None else {old: new for new, old in enumerate(kept)}

    def row(self, row: Row) -> Row | None:
        """The same row for the model, or None where it holds a token that was trimmed away."""
        if self._place is None:
            return row
        place = {IGNORED: IGNORED, **self._place}
        if any(old not in place for old in row["input_ids"]):
            return None
        return {name: [place[old] for old in ids] for name, ids in row.items()}

    def rows(self, rows: list[Row]) -> list[Row]:
        """Those rows that the model has all tokens of."""
        return [mine for row in rows if (mine := self.row(row)) is not None]
