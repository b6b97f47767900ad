"""Write a tuned, pruned or distilled model as GGUF files for the engine; an adapter is merged into its base first, or
written by itself, to be served upon the base's own file.

Reads the model, the prepared rows and, where it was measured, what the tensors must keep; writes
``artifact/model-<type>.gguf`` for each type asked for, the chat template inside. The merged model and the 16-bit files
stand beside them only while the stage works. The engine is asked whether it answers as the trained model does (see
``parity``); a model that it serves otherwise is refused.

    python -m jobs.stages.quantize RUNDIR
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file
from transformers import PreTrainedTokenizerBase

from jobs.adapters import Weights, weights_of
from jobs.catalogue import Installed, installed
from jobs.lifeline import die_with_parent
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import ADAPTER, MIXED, QuantizeSpec
from jobs.stages.adapter_gguf import write_adapter
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.gguf_io import Recipe, describe, quantize_file
from jobs.stages.learned import kinds_that_keep
from jobs.stages.parity import (
    Agreement,
    Sample,
    check_end,
    check_prompts,
    compare,
    engine,
    require,
    take_samples,
)
from jobs.stages.sources import Source, load_source
from jobs.stages.weights import load_tokenizer

BASE_TYPE = "Q8_0"
ADAPTER_ON_F16 = f"{ADAPTER}_F16"
"""How the agreement of an adapter upon the base in 16 bits is called: it is judged as a merged file in 16 bits is."""
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trained:
    """What the engine is held against: how the trained model reads, and what it would answer."""

    tokenizer: PreTrainedTokenizerBase
    samples: list[Sample]


def main(spec: QuantizeSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    tools = Path(spec.tools_dir)
    if not (tools / "convert_hf_to_gguf.py").is_file():
        raise StageRefusal("The GGUF converter is not here. Run: manage.py fetch_model " + spec.base)
    scratch = run.path / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        _ensure_base_gguf(base, tools, scratch, run)
        report(run, done=0, total=0, unit="tensors", message="loading the trained model")
        source = load_source(base, spec.adapter)
        trained = Trained(source.tokenizer, take_samples(source, Path(spec.prepared)))
        outputs: list[Output] = []
        agreements: dict[str, Agreement] = {}
        if ADAPTER in spec.types:
            outputs.append(_write_adapter(base, spec.adapter, trained, run))
            half = _convert_base(base, tools, scratch)
            upon = replace(weights_of(outputs[0].path, base.gguf), path=half)
            agreements[ADAPTER_ON_F16] = _check(upon, trained, run)
            half.unlink()
        if whole := [kind for kind in spec.types if kind != ADAPTER]:
            half = _convert(source, tools, scratch, run)
            del source
            agreements["F16"] = _check(Weights(half), trained, run)
            recipes = [_keeping(_recipe(kind, spec.importance), half, base, run) for kind in whole]
            outputs += [_quantize(half, run, recipe, base) for recipe in recipes]
        for output in outputs:
            agreements[output.facts["type"]] = _ask(weights_of(output.path, base.gguf), trained, run)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    facts = {output.facts["type"]: output.path.stat().st_size for output in outputs}
    return outputs, {"bytes": facts, "parity": {kind: asdict(each) for kind, each in agreements.items()}}


def _convert(source: Source, tools: Path, scratch: Path, run: RunDir) -> Path:
    report(run, done=0, total=0, unit="tensors", message="converting to GGUF")
    source.model.save_pretrained(scratch / "merged")
    # Not the trainer's, which may have changed its padding.
    source.tokenizer.save_pretrained(scratch / "merged")
    half = convert(scratch / "merged", scratch / "f16.gguf", tools)
    shutil.rmtree(scratch / "merged")
    return half


def _recipe(kind: str, importance: str) -> Recipe:
    """How to make a file of the type, with what the importance stage measured where it was run."""
    if not importance:
        return Recipe(kind)
    folder = Path(importance)
    try:
        columns = load_file(folder / "importance.safetensors")
        kinds = json.loads((folder / "types.json").read_text(encoding="utf-8")) if kind == MIXED else {}
    except OSError as error:
        raise StageRefusal(
            "What the importance stage measured is not here. Run it again, for types with a size given."
        ) from error
    return Recipe(kind, columns, kinds.get("types", {}))


def _keeping(recipe: Recipe, half: Path, base: Installed, run: RunDir) -> Recipe:
    """The recipe, with another type of about that size for each tensor that would forget what it has learned.

    Types chosen by loss stand: they were chosen so, for a size.
    """
    report(run, done=0, total=0, unit="tensors", message=f"choosing types near {recipe.wanted}")
    return replace(recipe, kinds={**kinds_that_keep(half, base.gguf, recipe), **recipe.kinds})


def _check(half: Weights, trained: Trained, run: RunDir) -> Agreement:
    """Raises StageRefusal where the engine does not serve the model as it was trained."""
    report(run, done=0, total=0, unit="tensors", message="comparing the engine with the trained model")
    with engine(half, trained.samples, run.path / "scratch") as client:
        check_prompts(client, trained.tokenizer)
        check_end(client, trained.samples[0])
        agreement = compare(client, trained.samples)
    require(agreement)
    return agreement


def _ask(weights: Weights, trained: Trained, run: RunDir) -> Agreement:
    """A whole file has the tokenizer of the 16-bit one; a base's own file may have another than the trainer's."""
    name = (weights.adapter or weights.path).name
    report(run, done=0, total=0, unit="tensors", message=f"comparing {name} with the trained model")
    with engine(weights, trained.samples, run.path / "scratch") as client:
        if weights.adapter:
            check_prompts(client, trained.tokenizer)
            check_end(client, trained.samples[0])
        return compare(client, trained.samples)


def _write_adapter(base: Installed, made: str, trained: Trained, run: RunDir) -> Output:
    report(run, done=0, total=0, unit="tensors", message="writing the adapter for the engine")
    goal = run.artifact / f"model-{ADAPTER}.gguf"
    facts = {"type": ADAPTER, "base": base.name}
    facts |= write_adapter(Path(made), base.gguf, str(trained.tokenizer.chat_template), goal)
    write_json_atomic(goal.with_suffix(".json"), facts)
    return Output("gguf", goal, facts)


def convert(folder: Path, goal: Path, tools: Path) -> Path:
    """A model's folder as one 16-bit GGUF file, by llama.cpp's converter. Raises OSError when the disk is
    full.
    """
    # A process of its own, since the converter brings another ``gguf`` than ours.
    command = [
        sys.executable,
        "-m",
        "jobs.stages.convert_gguf",
        str(folder),
        "--outtype",
        "f16",
        "--outfile",
        str(goal),
    ]
    log = folder.parent / "convert.log"
    with log.open("wb") as out:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tools), str(ROOT)])},
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=partial(die_with_parent, os.getpid()),
            check=False,
        )
    said = log.read_text(errors="replace")
    print(said)
    if done.returncode:
        if "No space left" in said or "File too large" in said or "requested and" in said:
            raise OSError(28, os.strerror(28))
        raise RuntimeError(f"The converter ended with {done.returncode}; the stage's log says why.")
    return goal


def _quantize(half: Path, run: RunDir, recipe: Recipe, base: Installed) -> Output:
    kind = recipe.wanted
    goal = run.artifact / f"model-{kind}.gguf"

    def told(done: int, total: int) -> None:
        if done % 16 == 0 or done == total:
            report(run, done=done, total=total, unit="tensors", message=f"quantizing to {kind}")

    quantize_file(half, goal, recipe, told)
    before, after = describe(half), describe(goal)
    if after["tensors"] != before["tensors"] or not after["chat_template"]:
        goal.unlink()
        raise StageRefusal(f"The {kind} file lacks tensors or the chat template. Report this.")
    facts = {
        "type": kind,
        "base": base.name,
        "tensor_types": after["types"],
        "weighed": bool(recipe.importance),
    }
    write_json_atomic(goal.with_suffix(".json"), facts)
    return Output("gguf", goal, facts)


def _ensure_base_gguf(base: Installed, tools: Path, scratch: Path, run: RunDir) -> None:
    """A hub model comes without a GGUF; make one, once, so that it can be compared with the tuned model."""
    if base.gguf.is_file():
        return
    report(run, done=0, total=0, unit="tensors", message="converting the base to GGUF")
    half = _convert_base(base, tools, scratch)
    quantize_file(half, base.gguf, Recipe(BASE_TYPE), lambda *_: None)
    half.unlink()


def _convert_base(base: Installed, tools: Path, scratch: Path) -> Path:
    """The base as it was trained upon, in 16 bits."""
    load_tokenizer(base.hf, base).save_pretrained(scratch / "base")
    # Of the tokenizer nothing but what the tuned model gets: the converter would prefer a tokenizer.model.
    weights = [path for path in base.hf.glob("*.safetensors*") if path.is_file()]
    for path in (base.hf / "config.json", *weights):
        (scratch / "base" / path.name).symlink_to(path)
    half = convert(scratch / "base", scratch / "base-f16.gguf", tools)
    shutil.rmtree(scratch / "base")
    return half


if __name__ == "__main__":
    start("quantize", main)
