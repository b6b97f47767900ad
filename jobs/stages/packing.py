"""Several rows as one sequence: no padding, a shared start paid for once, and no row sees another.

A batch of rows is laid end to end in a sequence of one; attention runs row by row (``packed_attention``), so
what a patient's row learns from is that row alone. The tokens with which all rows begin, the system prompt,
stand once at the front: with causal attention their states are the same in every row, and the gradient that
comes back to them is the sum over rows. The loss is therefore that of padded rows, to rounding.
"""

from functools import lru_cache
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

Row = dict[str, list[int]]
"""{input_ids, labels} of one length; the label is -100 where there is nothing to learn."""
IGNORED = -100
PACKED = "precis_packed"
SHORT = 1024
"""Rows up to it afford a table of the pairs of their tokens: 12 MB a layer with nine heads."""
BLOCK = 256
"""Queries at once in such a table."""
ALIGNED = 16
"""Sequences are filled up to a multiple of it: a CPU's matrix kernels are prepared anew for each new width."""


def pack(rows: list[Row]) -> dict[str, torch.Tensor]:
    """Rows as {input_ids (1, T), position_ids (1, T), answers (K,), targets (K,), rows (1 + rows,)}.

    ``answers`` are the places in the sequence whose next token is learned, ``targets`` those tokens; ``rows``
    is the length of the shared start, then each row's own length behind it.
    """
    shared = shared_start(rows)
    ids, positions = rows[0]["input_ids"][:shared], list(range(shared))
    answers, targets, lengths = [], [], [shared]
    for row in rows:
        offset = len(ids) - shared
        for place in range(max(shared, 1), len(row["input_ids"])):
            if row["labels"][place] != IGNORED:
                # The first of a row's own tokens is foretold by the last of the shared ones.
                answers.append(place - 1 + (offset if place > shared else 0))
                targets.append(row["labels"][place])
        ids = ids + row["input_ids"][shared:]
        positions += range(shared, len(row["input_ids"]))
        lengths.append(len(row["input_ids"]) - shared)
    filling = [0] * (-len(ids) % ALIGNED)
    return {
        "input_ids": torch.tensor([ids + filling]),
        "position_ids": torch.tensor([positions + filling]),
        "answers": torch.tensor(answers),
        "targets": torch.tensor(targets),
        "rows": torch.tensor(lengths),
    }


def shared_start(rows: list[Row]) -> int:
    """How many tokens, none of them learned, all rows begin with; 0 for a single row."""
    if len(rows) < 2:
        return 0
    unlearned = min(next((i for i, label in enumerate(row["labels"]) if label != IGNORED), 0) for row in rows)
    first = rows[0]["input_ids"]
    for place in range(unlearned):
        if any(row["input_ids"][place] != first[place] for row in rows):
            return place
    return unlearned


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None,
    rows: torch.Tensor,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of each row to the shared start and itself; (1, heads, T, width) in, (1, T, heads, width) out.

    A registered attention of transformers: ``rows`` is what ``pack`` made.
    """
    shared, *lengths = rows.tolist()
    sizes = [shared, *lengths, query.shape[2] - shared - sum(lengths)]
    # Split and not sliced: the backward pass of a slice fills a whole sequence with zeros.
    parts = [whole.split(sizes, dim=2) for whole in (query, key, value)]
    attended: list[torch.Tensor] = []
    for number in range(1, len(sizes) - 1):
        q, k, v = (torch.cat([part[0], part[number]], dim=2) if shared else part[number] for part in parts)
        out = attention(q, k, v, scaling, sliding_window)
        attended.append(out[:, :, shared if attended else 0 :])
    # The filling learns nothing and is attended to by none.
    attended.append(torch.zeros_like(parts[0][-1]))
    return torch.cat(attended, dim=2).transpose(1, 2).contiguous(), None


def attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None, window: int | None
) -> torch.Tensor:
    """Causal attention within one row, (1, heads, T, width); key and value may have fewer heads."""
    band = sliding_band(query.shape[2], window, query.device)
    on_cpu = query.device.type == "cpu" and query.dtype == torch.bfloat16
    if on_cpu and band is None and query.shape[2] <= SHORT:
        return _by_products(query, key, value, scale or query.shape[3] ** -0.5)
    return scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=band,
        is_causal=band is None,
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def _by_products(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Attention written out: a third of the time of the CPU's fused kernel, whose bfloat16 backward pass is slow."""
    length = query.shape[2]
    # Block by block of the queries, so that what comes after a block is never multiplied.
    ends = [min(start + BLOCK, length) for start in range(0, length, BLOCK)]
    blocks = query.split(BLOCK, dim=2)
    out = [
        _one_block(block, key[:, :, :end], value[:, :, :end], scale)
        for block, end in zip(blocks, ends, strict=True)
    ]
    return out[0] if len(out) == 1 else torch.cat(out, dim=2)


def _one_block(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Of the last tokens of what ``key`` and ``value`` hold."""
    heads, length, width = query.shape[1:]
    groups, before = key.shape[1], key.shape[2] - length
    # The heads that share a key stand one under the other: no key or value is repeated, forward or backward.
    stacked = query[0].reshape(groups, -1, width)
    later = _later(length, before, heads // groups, query.dtype).expand(groups, -1, -1)
    weights = torch.baddbmm(later, stacked, key[0].transpose(1, 2), alpha=scale).softmax(-1)
    return (weights @ value[0]).view(1, heads, length, width)


@lru_cache(maxsize=64)
def _later(length: int, before: int, times: int, dtype: torch.dtype) -> torch.Tensor:
    """Minus infinity where a token would see a later one, (times * length, before + length)."""
    filled = torch.full((length, before + length), float("-inf"), dtype=dtype)
    return filled.triu_(before + 1).repeat(times, 1)


def sliding_band(length: int, window: int | None, device: torch.device) -> torch.Tensor | None:
    """Who attends to whom, (length, length), where a window is narrower than the row; None: all that came before."""
    if window is None or length <= window:
        return None
    distance = torch.arange(length, device=device)[:, None] - torch.arange(length, device=device)
    return (distance >= 0) & (distance < window)


def completion_loss(
    model: PreTrainedModel, inputs: dict[str, torch.Tensor], label_smoothing: float = 0.0
) -> torch.Tensor:
    """Mean cross-entropy of the learned tokens of a ``pack``."""
    return torch.nn.functional.cross_entropy(
        answer_logits(model, inputs).float(), inputs["targets"], label_smoothing=label_smoothing
    )


def answer_logits(model: PreTrainedModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """What ``model`` foretells of the learned tokens of a ``pack``, (K, vocabulary), and of no others.

    Three quarters of the tokens are prompt; logits for them would cost a fifth (SmolLM2) to a half (Gemma) of
    a step. ``model`` is a causal LM of transformers, whose attention becomes ``packed_attention``.
    """
    if model.config._attn_implementation != PACKED:
        model.set_attn_implementation(PACKED)
    hidden = model.base_model(
        input_ids=inputs["input_ids"],
        position_ids=inputs["position_ids"],
        rows=inputs["rows"],
        use_cache=False,
    ).last_hidden_state
    return model.get_output_embeddings()(hidden[0, inputs["answers"]])


AttentionInterface.register(PACKED, packed_attention)
