"""Measure, on the clinic's own rows, what a quantized file must keep: columns by importance, tensors by loss.

Reads the base or a tuned model and prepared rows. Writes ``artifact/importance.safetensors``, for each tensor of the
GGUF the mean square of what meets each of its columns, which ggml's quantizer takes as an importance matrix; and, where
a size is given, ``artifact/types.json``: each tensor's type, chosen so that the model's answers move least for the size.

    python -m jobs.stages.importance RUNDIR

Each tensor in turn is quantized and read back in torch, the others left as they are, and the answers' divergence from
the untouched model is measured on rows that were not trained on. Types that would round away what an adapter has learned are not
considered (``learned``). The types chosen are judged on other rows again, beside the uniform type of the same size.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import ImportanceSpec
from jobs.stages.calibration import mean_over_tokens
from jobs.stages.divergence import divergence
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.packing import Row, answer_logits, pack
from jobs.stages.prepared import read_prepared
from jobs.stages.prune_depth import layers_of
from jobs.stages.sources import Translation, load_source
from jobs.stages.tensor_types import (
    PROBE,
    Weights,
    choose_types,
    costs,
    counted,
    fake_quantize,
    squared_errors,
    total_bytes,
    uniform,
)

ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
    "phi": gguf.MODEL_ARCH.PHI2,
}
EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"


def main(spec: ImportanceSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    report(run, done=0, total=0, unit="rows", message="loading the model")
    source = load_source(installed(spec.base, Path(spec.models_dir)), spec.model)
    translation, rng = Translation(source.kept), random.Random(spec.seed)
    train, valid = (
        translation.rows(read_prepared(Path(spec.prepared), split)) for split in ("train", "valid")
    )
    if not train:
        raise StageRefusal("There are no prepared training rows. Run the prepare stage again.")
    modules = named_modules(source.model)
    rows = rng.sample(train, min(spec.rows, len(train)))
    importance = measure_importance(source.model, modules, rows, run)
    path = run.artifact / "importance.safetensors"
    save_file(importance, path)
    outputs = [Output("importance", path, {"rows": len(rows)})]
    facts: dict[str, Any] = {"rows": len(rows), "tensors": len(importance)}
    if not spec.as_small_as:
        return outputs, facts
    if len(valid) < 2:
        raise StageRefusal("Types are chosen by held-out loss. Hold out two validation rows or more.")
    rng.shuffle(valid)
    few = min(spec.probe_rows, len(valid) // 2)
    sensitivity = Sensitivity(source.model, modules, importance, valid[:few], started_with(spec))
    types, mixed = sensitivity.choose(spec.as_small_as, run)
    facts |= mixed | {
        "judged": sensitivity.judge(types, valid[few : few + spec.judge_rows], spec.as_small_as)
    }
    write_json_atomic(run.artifact / "types.json", {"types": types, **facts})
    return [*outputs, Output("types", run.artifact / "types.json", {"as_small_as": spec.as_small_as})], facts


def named_modules(model: PreTrainedModel) -> dict[str, nn.Module]:
    """The linear layers and the embedding, under the names their weights have in a GGUF file.

    Raises StageRefusal for a family whose names are not known here.
    """
    kind = model.config.model_type
    if kind not in ARCHITECTURES:
        raise StageRefusal(f"The tensors of a {kind} model are not known here. Quantize it to one type.")
    names = gguf.get_tensor_name_map(ARCHITECTURES[kind], len(layers_of(model)))
    found = {
        f"{names.get_name(f'model.{path}')}.weight": module
        for path, module in model.base_model.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding)
    }
    output = model.get_output_embeddings()
    if output.weight is not model.get_input_embeddings().weight:
        found[OUTPUT] = output
    return found


def started_with(spec: ImportanceSpec) -> dict[str, Tensor]:
    """By tensor, the base's weights where adapters were trained on them. A pruned model's are other tensors, and not compared."""
    if not (Path(spec.model) / "adapter").is_dir():
        return {}
    base = load_source(installed(spec.base, Path(spec.models_dir)), "", torch.float16).model
    return {name: module.weight.detach() for name, module in named_modules(base).items()}


def measure_importance(
    model: PreTrainedModel, modules: dict[str, nn.Module], rows: list[Row], run: RunDir
) -> dict[str, Weights]:
    """By tensor, (width,): the mean square of each input. What meets the output layer is what the last norm gives."""
    last = next(
        module for name, module in model.base_model.named_children() if name in ("norm", "final_layernorm")
    )
    watched = {name: module for name, module in modules.items() if name not in (EMBEDDING, OUTPUT)}
    watched[OUTPUT if OUTPUT in modules else EMBEDDING] = last

    def squares(module: nn.Module, into: Tensor, out: Tensor) -> Tensor:
        return (out if module is last else into).float().square().sum(0)

    def told(done: int) -> None:
        report(run, done=done, total=len(rows), unit="rows", message="measuring importance")

    means = mean_over_tokens(model, rows, watched, squares, told)
    return {name: mean.numpy() for name, mean in means.items()}


class Sensitivity:
    """How the answers move when tensors are quantized, on a few rows."""

    def __init__(
        self,
        model: PreTrainedModel,
        modules: dict[str, nn.Module],
        importance: dict[str, Weights],
        rows: list[Row],
        started: dict[str, Tensor],
    ) -> None:
        self.model, self.modules, self.importance, self.started = model, modules, importance, started
        self.shapes = {name: module.weight.shape for name, module in modules.items()}
        self.packed = pack(rows)
        with torch.no_grad():
            self.untouched = answer_logits(model, self.packed)
            self.states = self._states()

    def choose(self, as_small_as: str, run: RunDir) -> tuple[dict[str, str], dict[str, Any]]:
        """Each tensor's type within the bytes of the uniform type, and what was measured."""
        measured, errors = {}, {}
        for done, (name, module) in enumerate(self.modules.items(), start=1):
            weight, columns = module.weight.detach(), self.importance.get(name)
            errors[name] = squared_errors(weight, columns, self.started.get(name))
            measured[name] = self.measure(name)
            report(run, done=done, total=len(self.modules), unit="tensors", message="trying each tensor")
        like = uniform(self.shapes, as_small_as)
        types = choose_types(costs(measured, errors), self.shapes, total_bytes(like, self.shapes))
        facts = {
            "bytes": total_bytes(types, self.shapes),
            "bytes_uniform": total_bytes(like, self.shapes),
            "kinds": counted(types),
            "sensitivity": {name: float(f"{value:.3g}") for name, value in measured.items()},
        }
        return types, facts

    @torch.no_grad()
    def measure(self, name: str) -> float:
        """KL from the untouched model, in nats a token, with this tensor alone in the probe's type."""
        layer = _layer_of(name)
        with self._quantized({name: PROBE}), self._from_layer(layer):
            return divergence(answer_logits(self.model, self.packed), self.untouched).item()

    @torch.no_grad()
    def judge(self, types: dict[str, str], rows: list[Row], as_small_as: str) -> dict[str, dict[str, float]]:
        """{untouched, mixed, uniform}: loss a token and KL from the untouched model, on rows that chose nothing."""
        packed = [pack([row]) for row in rows]
        learned = sum(len(each["targets"]) for each in packed)
        before = [answer_logits(self.model, each) for each in packed]
        judged = {}
        ways = {"untouched": {}, "mixed": types, "uniform": uniform(self.shapes, as_small_as)}
        for way, kinds in ways.items():
            with self._quantized(kinds):
                after = [answer_logits(self.model, each) for each in packed]
            sums = torch.zeros(2)
            for one, mine, whole in zip(packed, after, before, strict=True):
                share = len(one["targets"]) / learned
                sums += share * torch.stack([cross_entropy(mine, one["targets"]), divergence(mine, whole)])
            judged[way] = {"loss": sums[0].item(), "kl": sums[1].item()}
        return judged

    @contextmanager
    def _quantized(self, kinds: dict[str, str]) -> Iterator[None]:
        before = {name: self.modules[name].weight.data for name in kinds}
        try:
            for name, kind in kinds.items():
                weight = self.modules[name].weight
                # In place of the storage: a tied output layer sees the same.
                weight.data = fake_quantize(weight, kind, self.importance.get(name))
            yield
        finally:
            for name, weight in before.items():
                self.modules[name].weight.data = weight

    def _states(self) -> list[Tensor]:
        """What goes into each layer, so that a change in a later one is measured without the earlier ones."""
        found: list[Tensor] = []
        hooks = [
            layer.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
            for layer in layers_of(self.model)
        ]
        answer_logits(self.model, self.packed)
        for hook in hooks:
            hook.remove()
        return found

    @contextmanager
    def _from_layer(self, number: int) -> Iterator[None]:
        """The model with the layers before ``number`` replaced by what they gave."""
        layers = layers_of(self.model)
        before = list(layers)
        try:
            for place in range(number):
                layers[place] = _Given(self.states[number])
            yield
        finally:
            for place in range(number):
                layers[place] = before[place]


class _Given(nn.Module):
    def __init__(self, state: Tensor) -> None:
        super().__init__()
        self.state = state

    def forward(self, _: Tensor, **__: Any) -> Tensor:
        return self.state


def _layer_of(name: str) -> int:
    """The layer that a tensor of a GGUF file stands in; the embedding counts as before the first."""
    parts = name.split(".")
    return int(parts[1]) if parts[0] == "blk" else 0


if __name__ == "__main__":
    start("importance", main)
