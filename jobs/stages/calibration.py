"""What passes through a model's layers while it reads the clinic's own rows."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from jobs.stages.packing import Row

Measure = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""A module, its input and its output, (tokens, width) each, to a sum over the tokens."""


@torch.no_grad()
def mean_over_tokens(
    model: PreTrainedModel,
    rows: list[Row],
    modules: dict[str, nn.Module],
    measure: Measure,
    on_row: Callable[[int], None] = lambda _: None,
) -> dict[str, Tensor]:
    """``measure`` of each module, as a mean over every token of the rows, under the module's name.

    The output layer is not run. Raises ValueError when there are no rows.
    """
    if not rows:
        raise ValueError("There are no rows to calibrate with.")
    sums: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            into, out = inputs[0].flatten(0, -2), output.flatten(0, -2)
            found = measure(module, into, out).double()
            sums[name] = sums[name] + found if name in sums else found

        return look

    model.eval()
    hooks = [module.register_forward_hook(watch(name)) for name, module in modules.items()]
    try:
        for done, row in enumerate(rows, start=1):
            model.base_model(input_ids=torch.tensor([row["input_ids"]]), use_cache=False)
            on_row(done)
    finally:
        for hook in hooks:
            hook.remove()
    tokens = sum(len(row["input_ids"]) for row in rows)
    return {name: (total / tokens).float() for name, total in sums.items()}
