"""Which layers change least of what passes through them, and how to leave them out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity
from transformers import PreTrainedModel

from jobs.stages.calibration import mean_over_tokens
from jobs.stages.packing import Row


def layers_of(model: PreTrainedModel) -> nn.ModuleList:
    return model.base_model.layers


def kinds_of(model: PreTrainedModel) -> list[str]:
    """Each layer's kind of attention: Gemma 3 has five with a sliding window, then one without."""
    count = len(layers_of(model))
    return list(getattr(model.config, "layer_types", None) or ["full_attention"] * count)


def block_influence(
    model: PreTrainedModel, rows: list[Row], on_row: Callable[[int], None] = lambda _: None
) -> list[float]:
    """1 - cosine of what goes into each layer and what comes out, mean over the rows' tokens.

    Source: Men et al. 2024, "ShortGPT: Layers in Large Language Models are More Redundant Than You Expect".
    """

    def change(_: nn.Module, into: Tensor, out: Tensor) -> Tensor:
        return (1 - cosine_similarity(into.float(), out.float(), dim=-1)).sum()

    named = {str(number): layer for number, layer in enumerate(layers_of(model))}
    means = mean_over_tokens(model, rows, named, change, on_row)
    return [means[name].item() for name in named]


def choose_layers(influence: list[float], kinds: list[str], keep: int) -> list[int]:
    """The ``keep`` layers with the greatest influence together, in order, whose kinds are those of the first ``keep``.

    An engine knows a layer's kind by its place alone: llama.cpp takes each sixth of Gemma 3 for one without a window.
    """
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for layer, gain in enumerate(influence):
        for count in sorted(best, reverse=True):
            if count == keep or kinds[layer] != kinds[count]:
                continue
            total, chosen = best[count]
            if count + 1 not in best or total + gain > best[count + 1][0]:
                best[count + 1] = total + gain, [*chosen, layer]
    return best[keep][1]


def keep_layers(model: PreTrainedModel, chosen: list[int]) -> None:
    """Leave the model these layers alone, in this order."""
    layers, kinds = layers_of(model), kinds_of(model)
    model.base_model.layers = torch.nn.ModuleList(layers[number] for number in chosen)
    for place, layer in enumerate(model.base_model.layers):
        # By it a layer finds its keys and values in a cache.
        layer.self_attn.layer_idx = place
    model.config.num_hidden_layers = len(chosen)
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = [kinds[number] for number in chosen]
