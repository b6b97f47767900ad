"""Which MLP channels and attention groups say least, and how to leave them out of every layer.

As many from each layer, so that the model's shape is still told by the numbers in its configuration. A key-value
head goes with all query heads that read it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.stages.calibration import mean_over_tokens
from jobs.stages.entry import StageRefusal
from jobs.stages.packing import Row
from jobs.stages.prune_depth import layers_of


def mlp_of(layer: nn.Module) -> tuple[list[nn.Linear], nn.Linear]:
    """The layers whose outputs are the channels, and the one that reads them. Raises StageRefusal for a strange MLP."""
    mlp = layer.mlp
    if isinstance(getattr(mlp, "down_proj", None), nn.Linear) and hasattr(mlp, "gate_proj"):
        return [mlp.gate_proj, mlp.up_proj], mlp.down_proj
    if isinstance(getattr(mlp, "fc2", None), nn.Linear):
        return [mlp.fc1], mlp.fc2
    raise StageRefusal("This base's MLP is of a form that cannot be pruned here. Keep all its channels.")


def output_of(attention: nn.Module) -> nn.Linear:
    """The layer that reads what the heads found."""
    for name in ("o_proj", "dense"):
        if isinstance(getattr(attention, name, None), nn.Linear):
            return getattr(attention, name)
    raise StageRefusal("This base's attention is of a form that cannot be pruned here. Keep all its heads.")


def channel_importance(
    model: PreTrainedModel, rows: list[Row], on_row: Callable[[int], None] = lambda _: None
) -> list[Tensor]:
    """For each layer, (channels,): the mean size of each activation, times the size of what is made of it.

    Source: the activation importance of Muralidharan et al. 2024, "Compact Language Models via Pruning and Knowledge
    Distillation", with the weight's norm as in Sun et al. 2023, "A Simple and Effective Pruning Approach" (Wanda).
    """
    readers = {str(number): mlp_of(layer)[1] for number, layer in enumerate(layers_of(model))}
    sizes = mean_over_tokens(model, rows, readers, lambda _, into, __: into.abs().sum(0), on_row)
    return [sizes[name] * reader.weight.float().norm(dim=0) for name, reader in readers.items()]


def group_importance(
    model: PreTrainedModel, rows: list[Row], on_row: Callable[[int], None] = lambda _: None
) -> list[Tensor]:
    """For each layer, (key-value heads,): the mean size of what the heads of a group add to the hidden state."""
    groups = model.config.num_key_value_heads

    def added(reader: nn.Linear, into: Tensor, _: Tensor) -> Tensor:
        width = reader.in_features // groups
        pairs = zip(into.split(width, dim=1), reader.weight.split(width, dim=1), strict=True)
        return torch.stack([(part @ weight.T).float().norm(dim=-1).sum() for part, weight in pairs])

    readers = {str(number): output_of(layer.self_attn) for number, layer in enumerate(layers_of(model))}
    means = mean_over_tokens(model, rows, readers, added, on_row)
    return [means[name] for name in readers]


def best(scores: Tensor, count: int) -> Tensor:
    """Places of the ``count`` highest, in order."""
    return scores.topk(count).indices.sort().values


def keep_channels(model: PreTrainedModel, count: int, importance: list[Tensor]) -> None:
    """Leave each MLP its ``count`` most important channels."""
    for layer, scores in zip(layers_of(model), importance, strict=True):
        chosen = best(scores, count)
        writers, reader = mlp_of(layer)
        for writer in writers:
            keep_outputs(writer, chosen)
        keep_inputs(reader, chosen)
    model.config.intermediate_size = count


def keep_groups(model: PreTrainedModel, count: int, importance: list[Tensor]) -> None:
    """Leave each attention its ``count`` most important key-value heads and the query heads that read them.

    Raises StageRefusal for a family whose file format takes the heads together for the model's width.
    """
    config = model.config
    if not getattr(config, "head_dim", None):
        raise StageRefusal("This base's heads together must have its width. Keep all its heads.")
    queries = config.num_attention_heads // config.num_key_value_heads
    for layer, scores in zip(layers_of(model), importance, strict=True):
        chosen, attention = best(scores, count), layer.self_attn
        few = _spread(chosen, config.head_dim)
        many = _spread(chosen, config.head_dim * queries)
        keep_outputs(attention.k_proj, few)
        keep_outputs(attention.v_proj, few)
        keep_outputs(attention.q_proj, many)
        keep_inputs(output_of(attention), many)
    config.num_key_value_heads, config.num_attention_heads = count, count * queries


def _spread(heads: Tensor, width: int) -> Tensor:
    """The places of all weights of heads that lie side by side, ``width`` each."""
    return (heads[:, None] * width + torch.arange(width)).flatten()


def keep_outputs(linear: nn.Linear, chosen: Tensor) -> None:
    linear.weight = nn.Parameter(linear.weight.detach()[chosen].contiguous())
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[chosen].contiguous())
    linear.out_features = len(chosen)


def keep_inputs(linear: nn.Linear, chosen: Tensor) -> None:
    linear.weight = nn.Parameter(linear.weight.detach()[:, chosen].contiguous())
    linear.in_features = len(chosen)
