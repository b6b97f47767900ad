"""Which tokens a clinic's records never use, and how to leave them out of the tokenizer and the model.

What is kept is tokenized exactly as before. A byte-pair encoder joins, again and again, the pair that stands first in
its list of merges. With every token of the rows its parts are kept too, and so every merge that was ever made on these
rows; the others never had their turn. Any other text is still read, in shorter pieces, down to single bytes.
"""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from tokenizers import pre_tokenizers
from torch import nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from jobs.stages.entry import StageRefusal

_IDS = ("bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id")


def tokens_to_keep(tokenizer: PreTrainedTokenizerBase, seen: Iterable[int], common: int = 0) -> list[int]:
    """Ids in order: those seen and their parts, single bytes, added tokens and the ``common`` most common merges.

    Raises StageRefusal for a tokenizer that is no byte-pair encoder with bytes to fall back on.
    """
    written = json.loads(tokenizer.backend_tokenizer.to_str())
    model = written["model"]
    if model["type"] != "BPE":
        raise StageRefusal("This base's tokenizer is no byte-pair encoder. Keep its whole vocabulary.")
    ids: dict[str, int] = model["vocab"]
    names = {number: name for name, number in ids.items()}
    ranks = {pair: rank for rank, pair in enumerate(_merges(model))}
    kept = _bytes_of(ids) | {token["id"] for token in written["added_tokens"]}
    wanted = {number for number in seen if number in names}
    wanted |= {ids[left + right] for left, right in list(ranks)[:common]}
    for number in wanted:
        kept.add(number)
        kept |= {ids[part] for part in parts_of(names[number], ranks) if part in ids}
    return sorted(kept)


def _merges(model: dict[str, Any]) -> list[tuple[str, str]]:
    return [tuple(pair.split(" ", 1)) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]


def _bytes_of(ids: dict[str, int]) -> set[int]:
    """A byte has a token of its own, in one of two spellings; with the second, plain characters and the space's
    mark stay too.
    """
    if fallback := [f"<0x{byte:02X}>" for byte in range(256) if f"<0x{byte:02X}>" in ids]:
        plain = ["▁", "\n", "\t", *map(chr, range(0x20, 0x7F))]
        return {ids[name] for name in [*fallback, *plain] if name in ids}
    if any(char not in ids for char in ("Ġ", *map(chr, range(0x21, 0x7F)))):
        raise StageRefusal("This base's tokenizer has no bytes to fall back on. Keep its whole vocabulary.")
    # SmolLM2 lacks 21 bytes, which UTF-8 seldom or never has; what it cannot read, its trimmed one need not.
    return {ids[char] for char in pre_tokenizers.ByteLevel.alphabet() if char in ids}


def parts_of(token: str, ranks: dict[tuple[str, str], int]) -> set[str]:
    """All that a byte-pair encoder makes on its way from the token's characters to the token."""
    pieces, made = list(token), set(token)
    while len(pieces) > 1:
        pairs = list(pairwise(pieces))
        place = min(range(len(pairs)), key=lambda at: ranks.get(pairs[at], len(ranks)))
        if pairs[place] not in ranks:
            break
        pieces[place : place + 2] = ["".join(pairs[place])]
        made.add(pieces[place])
    return made


def trim_tokenizer(
    tokenizer: PreTrainedTokenizerBase, kept: list[int], folder: Path
) -> PreTrainedTokenizerBase:
    """The tokenizer with the ``kept`` tokens alone, their ids now 0, 1, …; written to ``folder``.

    Raises StageRefusal where an id does not come out as planned.
    """
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    _renumber(written, {old: new for new, old in enumerate(kept)})
    path.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    trimmed = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    whole, mine = tokenizer.get_vocab(), trimmed.get_vocab()
    names = {number: name for name, number in whole.items()}
    if mine != {names[old]: new for new, old in enumerate(kept)}:
        raise StageRefusal(
            "The trimmed vocabulary does not agree with its numbers. Keep the whole vocabulary."
        )
    return trimmed


def _renumber(written: dict[str, Any], place: dict[int, int]) -> None:
    """A ``tokenizer.json`` with new ids, without the tokens that have none and the merges that need them."""
    model = written["model"]
    ids = {name: place[old] for name, old in model["vocab"].items() if old in place}
    model["vocab"] = ids
    model["merges"] = [
        list(pair) for pair in _merges(model) if all(part in ids for part in (*pair, "".join(pair)))
    ]
    for token in written["added_tokens"]:
        token["id"] = place[token["id"]]
    _renumber_templates(written.get("post_processor"), place)


def _renumber_templates(node: Any, place: dict[int, int]) -> None:
    """The ids of what a post-processor puts before and behind a text, however deep it stands."""
    if isinstance(node, dict):
        if "ids" in node and "tokens" in node:
            node["ids"] = [place[old] for old in node["ids"]]
        for inner in node.values():
            _renumber_templates(inner, place)
    elif isinstance(node, list):
        for inner in node:
            _renumber_templates(inner, place)


def keep_tokens(model: PreTrainedModel, kept: list[int]) -> None:
    """Leave the embedding and the output layer the rows of these tokens, and renumber what the configuration names."""
    chosen = torch.tensor(kept)
    inner, outer = model.get_input_embeddings(), model.get_output_embeddings()
    tied = outer.weight is inner.weight
    inner.weight = nn.Parameter(inner.weight.detach()[chosen].contiguous())
    inner.num_embeddings = outer.out_features = len(kept)
    outer.weight = inner.weight if tied else nn.Parameter(outer.weight.detach()[chosen].contiguous())
    if outer.bias is not None:
        outer.bias = nn.Parameter(outer.bias.detach()[chosen].contiguous())
    place = {old: new for new, old in enumerate(kept)}
    for config in (model.config, model.generation_config):
        for name in _IDS:
            if (old := getattr(config, name, None)) is not None:
                setattr(config, name, _moved(old, place))
    inner.padding_idx = None if inner.padding_idx is None else place.get(inner.padding_idx)
    model.config.vocab_size = model.vocab_size = len(kept)


def _moved(old: int | list[int], place: dict[int, int]) -> int | list[int] | None:
    if isinstance(old, list):
        return [place[one] for one in old if one in place]
    return place.get(old)


def count_changed(old: PreTrainedTokenizerBase, new: PreTrainedTokenizerBase, kept: list[int], rows: Iterable[list[int]]) -> int:  # fmt: skip
    """How many rows, read back as text, the two tokenizers do not tokenize alike; 0 is what the method promises."""
    changed: Counter[bool] = Counter()
    for ids in rows:
        text = old.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        whole = old(text, add_special_tokens=False).input_ids
        mine = new(text, add_special_tokens=False).input_ids
        changed[whole != [kept[token] for token in mine]] += 1
    return changed[True]
