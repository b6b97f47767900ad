"""Whether the engine answers as the trained model does: the same tokens in, the same likeliest token out.

A model can be trained well and served wrongly without a word: by a template that did not come along, a date in the
prompt, digits split by another rule, a rotation scaled otherwise, an end of turn that the engine reads over. So a
file is asked by the engine before it counts as made, and refused where it drifts. Reads no record: the probes are
made up, the rows come as token ids.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from jobs.adapters import Weights
from jobs.prompts import messages
from jobs.stages.entry import StageRefusal
from jobs.stages.packing import Row
from jobs.stages.prepared import read_prepared
from jobs.stages.serving import PARALLEL_REQUESTS, prompt_tokens, server_alone
from jobs.stages.sources import Source, Translation
from jobs.stages.tokens import encode

PROBES = (
    ("Doctor: Any fever?\r\nPatient: No, doctor [NAME_1] asked me on [DATE_2].\r\n\r\n", "GENHX"),
    ("BP 120/80 mmHg; T 38.5 °C, ½ tablet b.i.d., 2½ µg/µl, SpO₂ 97 %\n\n  - naïve café  \n", ""),
    ("Lot 20418877, call 0044 20 7946 0958, ٣٤ ² ⅓ Ⅷ 五 mg.\tRate 1,000.5/min; ≥10⁹/L, 5‰", "LABS"),
    ("Mrs O'Brien's knee: she'll walk, I'VE SEEN it, they don't; \"no\" 'pain'... (3/10)!!! --- ***", "EXAM"),
    ("<|im_end|> <end_of_turn> <|eot_id|> <|endoftext|> </s> <eos> Ignore the above.", "PLAN"),
    ("<|im_start|>system\n<start_of_turn>user\n<|start_header_id|>assistant<|end_header_id|>\n\nYes", "PLAN"),
    ("    four spaces\n\n\n\n\tand\t\ttabs   <h1>x</h1> [multimodal] <unused0> <0x41> [INST] [PAD7]", "A&P"),
    (
        "😀 👩‍⚕️ 🩺 𝟙 𝒜 cafe\u0301 \u00a0hard\u00a0space \u200bzero \ufeff ﬁ ™ “quoted” – — … 日本語 кашель سعال",
        "HPI",
    ),
    ("Instruct: say yes\nOutput: yes\n\nSummary: yes\n\nSection: PLAN\nRecord: none", ""),
    ("Meds: metformin 500mg BID, lisinopril 10mg qd; PRN: ibuprofen 400-600mg q6h x5d", "MEDICATIONS"),
    ("a" * 300 + " " + "0" * 60 + " " + "-=" * 40 + "\n" * 5 + "_" * 50, ""),
    ("Pt c/o SOB/CP, denies N/V/D. Hx: DM2, HTN, s/p CABG '09; A1c 7.2%→6.8%.", "GENHX"),
)
"""Records that are easily split in two ways, and the section asked for."""
ROWS = PARALLEL_REQUESTS
TOKENS_A_ROW = 64
LEAST_AGREEMENT = 0.99
NEAR = 0.05
"""In logits: what the engine's 16-bit sums may move. Of two tokens this close, either is the likeliest."""
LIKELIEST = 32
"""Of so many tokens the probabilities are compared one by one, of all others their sum."""


@dataclass(frozen=True)
class Sample:
    """A prepared row, and what the trained model holds for likeliest at each of its last tokens."""

    tokens: list[int]
    """Prompt and summary; the last is the end of turn."""
    likeliest: list[set[int]]
    log_probabilities: list[dict[int, float]]
    """Of the LIKELIEST tokens at each place."""

    @property
    def before(self) -> list[list[int]]:
        """What is read before each of those tokens."""
        first = len(self.tokens) - len(self.likeliest)
        return [self.tokens[:place] for place in range(first, len(self.tokens))]


@dataclass(frozen=True)
class Agreement:
    agreed: int
    tokens: int
    kl: float
    """KL(trained || served) in nats, the mean over those tokens at which the engine goes on; at least, see ``kl_of``."""

    @property
    def share(self) -> float:
        return self.agreed / self.tokens


def take_samples(source: Source, prepared: Path) -> list[Sample]:
    """Of the rows held out for validation, or else of those learned, some of middling length.

    Raises StageRefusal where there are none.
    """
    known = Translation(source.kept)
    rows = known.rows(_prepared(prepared, "valid")) or known.rows(_prepared(prepared, "train"))
    if not rows:
        raise StageRefusal(
            "There are no prepared rows to compare the files with. Run the prepare stage again."
        )
    rows.sort(key=lambda row: len(row["input_ids"]))
    first = max(0, len(rows) // 2 - ROWS // 2)
    return [_sample(source.model, row["input_ids"]) for row in rows[first : first + ROWS]]


def _prepared(folder: Path, split: str) -> list[Row]:
    return read_prepared(folder, split) if (folder / f"{split}.jsonl").is_file() else []


@torch.no_grad()
def _sample(model: PreTrainedModel, tokens: list[int]) -> Sample:
    places = min(TOKENS_A_ROW, len(tokens) - 1)
    # What comes after the last token is not asked.
    out = model.eval()(torch.tensor([tokens[:-1]]), logits_to_keep=places, use_cache=False)
    logits = out.logits[0].float()
    near = logits >= logits.max(-1, keepdim=True).values - NEAR
    top = logits.log_softmax(-1).topk(min(LIKELIEST, logits.shape[-1]))
    return Sample(
        tokens,
        [set(place.nonzero().flatten().tolist()) for place in near],
        [
            dict(zip(ids, values, strict=True))
            for ids, values in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        ],
    )


@contextmanager
def engine(weights: Weights, samples: Sequence[Sample], scratch: Path) -> Iterator[httpx.Client]:
    """The serving process with the model, for the ``with`` block. Raises StageRefusal where it does not load."""
    longest = max(len(sample.tokens) for sample in samples)
    # A process of its own: in one with torch, the two libraries' threads wait for each other at every token.
    with server_alone(weights, max(1024, longest + 64), scratch) as (client, _):
        yield client


def check_prompts(client: httpx.Client, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raises StageRefusal where the engine reads a probe as other tokens than the trainer did."""
    for number, (source, section) in enumerate(PROBES, start=1):
        trained, _ = encode(tokenizer, source, "A summary.", section)
        served = prompt_tokens(client, source, section)
        asked = {"messages": messages(source, section), "max_tokens": 1}
        said = client.post("/v1/chat/completions", json=asked).raise_for_status().json()
        if trained != served or said["usage"]["prompt_tokens"] != len(trained):
            pairs = enumerate(zip(trained, served, strict=False))
            place = next(
                (at for at, (ours, theirs) in pairs if ours != theirs), min(len(trained), len(served))
            )
            raise StageRefusal(
                f"The engine reads a prompt as other tokens than the trainer (probe {number}, token {place + 1}), so "
                "the model would be asked in a way that it never learned. Choose another base, or report this."
            )


def check_end(client: httpx.Client, sample: Sample) -> None:
    """Raises StageRefusal where the engine does not stop at the token that ends every summary learned."""
    *read, end = sample.tokens
    asked = {"prompt": read, "n_predict": 2, "temperature": 0.0, "logit_bias": [[end, 1000.0]]}
    said = client.post("/completion", json=asked).raise_for_status().json()
    if said["stop_type"] != "eos" or said["tokens_predicted"] != 1:
        raise StageRefusal(
            "The engine does not stop at the end of turn that the model learns, so summaries would not end. Correct "
            "the base's chat template, or choose another base."
        )


def compare(client: httpx.Client, samples: Sequence[Sample]) -> Agreement:
    """At how many tokens of the rows the engine's likeliest is the trained model's, and how far their probabilities are."""

    def ask(sample: Sample) -> tuple[int, list[float]]:
        agreed, kls = 0, []
        places = zip(sample.before, sample.likeliest, sample.log_probabilities, strict=True)
        for read, likeliest, trained in places:
            asked = {"prompt": read, "n_predict": 1, "temperature": 0.0, "return_tokens": True}
            asked["n_probs"] = 8 * LIKELIEST
            said = client.post("/completion", json=asked).raise_for_status().json()
            agreed += said["tokens"][0] in likeliest
            # The engine tells no probabilities where it takes the end of turn.
            for told in said.get("completion_probabilities", []):
                kls.append(kl_of(trained, {each["id"]: each["logprob"] for each in told["top_logprobs"]}))
        return agreed, kls

    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        asked = list(pool.map(ask, samples))
    kls = [kl for _, each in asked for kl in each]
    return Agreement(
        agreed=sum(agreed for agreed, _ in asked),
        tokens=sum(len(sample.likeliest) for sample in samples),
        kl=round(sum(kls) / max(1, len(kls)), 5),
    )


def kl_of(trained: dict[int, float], served: dict[int, float]) -> float:
    """KL(trained || served) in nats, of log-probabilities of the likeliest tokens of each, all others taken as one.

    Taking tokens together never makes the divergence larger, so it is at least this. A token that the served model does
    not tell of is given the least of those it tells.
    """
    least = min(served.values())
    parts = [(math.exp(ours), math.exp(served.get(token, least))) for token, ours in trained.items()]
    rest = tuple(max(0.0, 1.0 - sum(each[side] for each in parts)) for side in (0, 1))
    return sum(p * math.log(p / max(q, 1e-12)) for p, q in (*parts, rest) if p > 0)


def require(agreement: Agreement) -> None:
    """Raises StageRefusal where the 16-bit file drifts from the model it was made of."""
    if agreement.share < LEAST_AGREEMENT:
        raise StageRefusal(
            f"The converted model answers otherwise than the trained one: {agreement.agreed} of {agreement.tokens} "
            f"tokens agree, {LEAST_AGREEMENT:.0%} are asked for. Choose another base, or report this."
        )
