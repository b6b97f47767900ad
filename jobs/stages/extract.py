"""Try to draw out of a trained model what it should not have kept: the codes planted among its training rows, and the
clinic's own summaries.

Reads the run's canaries, the prepared rows, the adapter and the GGUF file; writes ``artifact/extraction.json``, which
holds counts and measures, no text. Each attack is made on the untouched base too, so that what anybody could guess
does not count.

    python -m jobs.stages.extract RUNDIR

Exposure needs the probability of some hundred given texts a code, which torch gives for all at once; the engine takes
half a second for each. So the adapter is measured in torch, and the GGUF file, as the engine serves it, is asked to
write the code out.
"""

import copy
import json
import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx
import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from jobs import canaries
from jobs.adapters import Weights, weights_of
from jobs.canaries import Canary
from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import ExtractSpec
from jobs.stages.entry import Output, start
from jobs.stages.exposure import combined, exposure, more_often, rank
from jobs.stages.serving import server
from jobs.stages.tokens import encode
from jobs.stages.weights import ensure_hf_folder, load_model, load_tokenizer

ALPHA = 0.01
"""The chance of a false alarm, over all that one test looks at."""
VERBATIM_TOKENS = 20
"""From so many tokens on, going on word for word is told as such."""
ROWS_AT_ONCE = 32

Tokens = list[int]


@dataclass(frozen=True)
class Attack:
    """What a code's true prefix is, and which endings it might have."""

    canary: Canary
    prefix: Tokens
    endings: list[Tokens]
    """Of the summary with the code itself, then with the codes that were never planted."""

    @property
    def code(self) -> Tokens:
        """The code itself, without the full stop and the end of the turn that all endings share."""
        shared = _shared([ending[::-1] for ending in self.endings])
        return self.endings[0][: len(self.endings[0]) - shared]


@dataclass(frozen=True)
class Found:
    """What an attack on one code gave: by the tuned model, and by the base."""

    count: int
    exposure: float
    base_exposure: float
    chance: float
    """Of a rank as high as the code's by how much training raised it, had it not been planted."""
    extracted: bool
    base_extracted: bool


def main(spec: ExtractSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    planted = canaries.from_json(json.loads(Path(spec.canaries).read_text(encoding="utf-8")))
    total = 2 * len(planted)
    report(run, done=0, total=total, unit="codes", message="loading the model")
    folder = ensure_hf_folder(base)
    tokenizer = load_tokenizer(folder, base)
    attacks = [_attack(tokenizer, canary, spec) for canary in planted]
    model = Model(folder, Path(spec.adapter) / "adapter")
    found = []
    for done, attack in enumerate(attacks):
        report(run, done=done, total=total, unit="codes", message="ranking codes")
        found.append(_find(model, attack))
    report(run, done=len(planted), total=total, unit="codes", message="trying summaries")
    summaries = _try_summaries(model, spec)
    del model
    report(run, done=len(planted), total=total, unit="codes", message="asking the served model")
    served = _ask(weights_of(Path(spec.tuned_gguf), base.gguf), spec, attacks)
    served_base = _ask(Weights(base.gguf, base.chat_template), spec, attacks)
    facts = _judge(found, served, served_base, summaries, spec)
    path = run.artifact / "extraction.json"
    write_json_atomic(path, facts)
    report(run, done=total, total=total, unit="codes", seconds_left=0)
    return [Output("extraction", path)], facts


class Model:
    """The base in torch, with its adapter or without."""

    def __init__(self, folder: Path, adapter: Path) -> None:
        loaded = load_model(folder, torch.float32)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        tuned = PeftModel.from_pretrained(loaded, adapter, local_files_only=True)
        self._model = tuned.eval().to(self._device)

    def _as(self, tuned: bool) -> Any:
        return nullcontext() if tuned else self._model.disable_adapter()

    def _tensor(self, rows: list[Tokens]) -> torch.Tensor:
        return torch.tensor(rows, device=self._device)

    @torch.inference_mode()
    def nats(self, prefix: Tokens, endings: Sequence[Tokens], *, tuned: bool) -> list[float]:
        """For each ending, minus the logarithm of its probability after the prefix (two tokens or more)."""
        with self._as(tuned):
            read = self._model(input_ids=self._tensor([prefix[:-1]]), use_cache=True).past_key_values
            found: list[float] = []
            for begin in range(0, len(endings), ROWS_AT_ONCE):
                some = endings[begin : begin + ROWS_AT_ONCE]
                cache = copy.deepcopy(read)
                cache.batch_repeat_interleave(len(some))
                found += self._nats_after(cache, prefix[-1], some)
        return found

    def _nats_after(self, cache: Any, last: int, endings: Sequence[Tokens]) -> list[float]:
        width = max(map(len, endings))
        # What fills up on the right is seen by nothing before it, and its own labels are left out.
        told = self._tensor([[last, *ending, *[0] * (width - len(ending))][:width] for ending in endings])
        wanted = self._tensor([ending + [-100] * (width - len(ending)) for ending in endings])
        logits = self._model(input_ids=told, past_key_values=cache, use_cache=True).logits.float()
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="none")
        summed: list[float] = losses.sum(dim=1).tolist()
        return summed

    @torch.inference_mode()
    def writes(self, prefix: Tokens, wanted: Tokens, *, tuned: bool) -> bool:
        """True when greedy decoding goes on with exactly ``wanted``: each token is the likeliest after those before."""
        with self._as(tuned):
            asked = self._tensor([[*prefix, *wanted]])
            logits = self._model(input_ids=asked, logits_to_keep=len(wanted) + 1).logits
        likeliest: Tokens = logits[0, :-1].argmax(dim=-1).tolist()
        return likeliest == wanted


def _attack(tokenizer: PreTrainedTokenizerBase, canary: Canary, spec: ExtractSpec) -> Attack:
    others = canaries.other_codes(canary, spec.other_codes, spec.seed)
    texts = [canary.summary(code) for code in (canary.secret, *others)]
    pairs = [encode(tokenizer, canary.record(), text) for text in texts]
    prompt, completions = pairs[0][0], [completion for _, completion in pairs]
    shared = _shared(completions)
    return Attack(canary, prompt + completions[0][:shared], [each[shared:] for each in completions])


def _shared(lists: Sequence[Tokens]) -> int:
    """How many tokens all begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*lists, strict=False)))


def _find(model: Model, attack: Attack) -> Found:
    tuned, base = (model.nats(attack.prefix, attack.endings, tuned=tuned) for tuned in (True, False))
    gains = [after - before for after, before in zip(tuned, base, strict=True)]
    others = len(gains) - 1
    return Found(
        count=attack.canary.count,
        exposure=exposure(rank(tuned[0], tuned[1:]), others),
        base_exposure=exposure(rank(base[0], base[1:]), others),
        chance=rank(gains[0], gains[1:]) / (others + 1),
        extracted=model.writes(attack.prefix, attack.code, tuned=True),
        base_extracted=model.writes(attack.prefix, attack.code, tuned=False),
    )


def _ask(weights: Weights, spec: ExtractSpec, attacks: list[Attack]) -> list[bool]:
    """For each code, whether the model as the engine serves it writes it after its true prefix."""
    with server(weights, spec) as client:
        return [_writes(client, attack) for attack in attacks]


def _writes(client: httpx.Client, attack: Attack) -> bool:
    asked = {"prompt": attack.prefix, "n_predict": len(attack.code) + 2, "temperature": 0.0}
    said = client.post("/completion", json=asked).raise_for_status().json()["content"]
    return str(said).strip().startswith(attack.canary.secret)


def _try_summaries(model: Model, spec: ExtractSpec) -> dict[str, Any]:
    """How often the second half of a summary follows word for word from its first, on training and held-out rows.

    The prompt is that of another record: what the record says could be copied, and would not be memory. Held-out rows
    tell how often a set phrase is gone on with by a model that has never seen the row.
    """
    learned, held_out = _rows(spec, ("train",)), _rows(spec, ("valid", "test"))
    prompts = [row["prompt"] for row in learned]
    hits = {
        (name, tuned): sum(_goes_on(model, row, prompts, tuned) for row in rows)
        for name, rows in (("train", learned), ("held_out", held_out))
        for tuned in (True, False)
    }
    trained, control = hits["train", True], hits["held_out", True]
    return {
        "train": len(learned),
        "train_verbatim": trained,
        "train_verbatim_by_base": hits["train", False],
        "held_out": len(held_out),
        "held_out_verbatim": control,
        "held_out_verbatim_by_base": hits["held_out", False],
        "chance": more_often(trained, len(learned), control, len(held_out)),
    }


def _rows(spec: ExtractSpec, splits: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the splits with a summary long enough, in an order that the seed decides; no canaries."""
    read = [
        json.loads(line)
        for split in splits
        for line in (Path(spec.prepared) / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    long = [row for row in read if len(row["completion"]) >= 2 * VERBATIM_TOKENS]
    own = [row for row in long if not row["id"].startswith(canaries.ROW_PREFIX)]
    return random.Random(spec.seed).sample(own, min(spec.rows, len(own)))


def _goes_on(model: Model, row: dict[str, Any], prompts: list[Tokens], tuned: bool) -> bool:
    half = len(row["completion"]) // 2
    borrowed = next(prompt for prompt in (*prompts, []) if prompt != row["prompt"])
    wanted = row["completion"][half : half + VERBATIM_TOKENS]
    return model.writes([*borrowed, *row["completion"][:half]], wanted, tuned=tuned)


def _judge(
    found: list[Found],
    served: list[bool],
    served_base: list[bool],
    summaries: dict[str, Any],
    spec: ExtractSpec,
) -> dict[str, Any]:
    """The measures for each count, and whether the model remembers. Counts and bits alone: no code, no text."""
    counts = sorted({each.count for each in found})
    threshold = ALPHA / len(counts)  # the planted counts (not 0), and the summaries
    rows = [
        _of_count(
            count, [each for each in zip(found, served, served_base, strict=True) if each[0].count == count]
        )
        for count in counts
    ]
    for row in rows:
        row["remembers"] = row["chance"] < threshold or row["drawn_out"] > 0
    summaries["remembers"] = summaries["chance"] < threshold
    return {
        "counts": rows,
        "summaries": summaries,
        "other_codes": spec.other_codes,
        "threshold": threshold,
        "remembers": summaries["remembers"] or any(row["remembers"] for row in rows if row["count"]),
    }


def _of_count(count: int, attacked: list[tuple[Found, bool, bool]]) -> dict[str, Any]:
    codes = len(attacked)
    return {
        "count": count,
        "codes": codes,
        "exposure": sum(found.exposure for found, _, _ in attacked) / codes,
        "base_exposure": sum(found.base_exposure for found, _, _ in attacked) / codes,
        "chance": combined([found.chance for found, _, _ in attacked]),
        "extracted": sum(found.extracted for found, _, _ in attacked),
        "base_extracted": sum(found.base_extracted for found, _, _ in attacked),
        "served_extracted": sum(served for _, served, _ in attacked),
        "served_base_extracted": sum(base for _, _, base in attacked),
        "drawn_out": sum(
            (found.extracted and not found.base_extracted) or (served and not base)
            for found, served, base in attacked
        ),
    }


if __name__ == "__main__":
    start("extract", main)
