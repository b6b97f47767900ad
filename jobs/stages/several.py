"""One training divided among several processes, usually one for each graphics card.

Each step's rows are dealt out by tokens. A process does its share, then losses and gradients are averaged by the tokens
each has learned from: the step is that of the whole batch, so the loss curve is that of one process to rounding. The
base's weights, which nobody changes, are sharded (torch's FSDP, ``fully_shard``): each process keeps a slice and gathers
a layer when its turn comes. The adapters, a hundredth of them, are held whole by each, which makes their checkpoint and
artifact the ordinary ones, written by the first process alone.

Started by ``accelerate launch`` or torchrun, with one process it does nothing. accelerate's own wrappers are not used: DDP
knows of no tokens, and its FSDP gathers weights for calls of the outermost model alone, past which packed rows go.

    accelerate launch --use_fsdp --num_processes 2 -m jobs.stages.train RUNDIR
"""

import os
from dataclasses import dataclass
from functools import cache

import torch
from accelerate import PartialState
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import PreTrainedModel

from jobs.stages.batches import split_batch
from jobs.stages.packing import completion_loss

# Taken away, or the trainer would shard once more in its own way.
_SHARDED = os.environ.pop("ACCELERATE_USE_FSDP", "") == "true"


@dataclass(frozen=True)
class Team:
    """The processes that share a training, and which of them this one is."""

    rank: int
    size: int

    def share(self, lengths: list[int], tokens_at_once: int) -> tuple[list[list[int]], int]:
        """Places of a batch's rows that this process takes, in parts; and by how many parts others take longer."""
        parts = [_parts(lengths, share, tokens_at_once) for share in deal(lengths, self.size)]
        return parts[self.rank], max(map(len, parts)) - len(parts[self.rank])

    def average(self, model: nn.Module, loss: torch.Tensor, learned: int) -> torch.Tensor:
        """The loss and, left on the trained weights, the gradients of all shares, each weighing what it learned from."""
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        counted = loss.new_ones(1)
        flat = torch.cat([*(g.flatten().float() for g in gradients), loss.reshape(1), counted]) * learned
        distributed.all_reduce(flat)
        flat /= flat[-1].clone()
        for gradient, whole in zip(gradients, flat[:-2].split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(whole.view_as(gradient))
        return flat[-2]

    def any(self, *flags: bool) -> list[bool]:
        """Of each flag, whether some process has raised it: what all do, all must decide."""
        if self.size == 1:
            return list(flags)
        raised = torch.tensor(flags, dtype=torch.int32, device=PartialState().device)
        distributed.all_reduce(raised, distributed.ReduceOp.MAX)
        return [bool(flag) for flag in raised.tolist()]

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()

    def draw_apart(self, seed: int) -> None:
        """Dropout and noise differ from process to process, as they do from row to row."""
        if self.size > 1:
            torch.manual_seed(seed + self.rank)


@cache
def team() -> Team:
    """Joins the others; the first call does so in all processes together."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team(0, 1)
    state = PartialState(cpu=not torch.cuda.is_available())
    return Team(state.process_index, state.num_processes)


def deal(lengths: list[int], processes: int) -> list[list[int]]:
    """The places 0, 1, … of a batch's rows for each process: the longest first, to whoever has the fewest tokens."""
    shares: list[list[int]] = [[] for _ in range(processes)]
    tokens = [0] * processes
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        least = tokens.index(min(tokens))
        shares[least].append(place)
        tokens[least] += lengths[place]
    return [sorted(share) for share in shares]


def _parts(lengths: list[int], share: list[int], tokens_at_once: int) -> list[list[int]]:
    parts = split_batch([lengths[place] for place in share], tokens_at_once)
    return [[share[place] for place in part] for part in parts if part]


class WholeLoss(nn.Module):
    """The loss as a module: the weights that belong to no layer are gathered while it is called."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: dict[str, torch.Tensor], label_smoothing: float) -> torch.Tensor:
        return completion_loss(self.model, inputs, label_smoothing)


def spread(model: PreTrainedModel, device: torch.device) -> WholeLoss:
    """Bring the base with its adapters from the CPU to ``device``, of the frozen weights this process's slice alone.

    Layer by layer, so that a card holds one whole layer at most; the CPU's memory holds the base once a process. Without
    ``--use_fsdp`` each process gets the whole.
    """
    loss = WholeLoss(model)
    if not _SHARDED:
        model.to(device)
        return loss
    mesh = init_device_mesh(device.type, (team().size,))
    adapters = {parameter for parameter in model.parameters() if parameter.requires_grad}
    layers = [m for m in model.modules() if type(m).__name__ in set(model._no_split_modules)]
    for module in (*layers, loss):
        # The outermost would keep its weights after a forward pass, and let go of them where a checkpoint is written:
        # in the first process alone, which from then on would gather out of step.
        fully_shard(module, mesh=mesh, ignored_params=adapters, reshard_after_forward=True)
    for parameter in adapters:
        parameter.data = parameter.data.to(device)
    return loss
