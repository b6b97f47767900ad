"""Merge an adapter into its base and write it as GGUF files for the engine.

Reads the base, the adapter and the prepared rows; writes ``artifact/model-<type>.gguf`` for each type asked for, the
chat template inside. The merged model and the 16-bit file stand beside them only while the stage works. The engine is
asked whether it answers as the trained model does (see ``parity``); a model that it serves otherwise is refused.

    python -m jobs.stages.quantize RUNDIR
"""

import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from jobs.catalogue import Installed, installed
from jobs.lifeline import die_with_parent
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import QuantizeSpec
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.gguf_io import Recipe, describe, quantize_file
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
from jobs.stages.weights import ensure_hf_folder, load_model, load_tokenizer

BASE_TYPE = "Q8_0"
ROOT = Path(__file__).resolve().parents[2]


def main(spec: QuantizeSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    tools, adapter = Path(spec.tools_dir), Path(spec.adapter) / "adapter"
    if not (tools / "convert_hf_to_gguf.py").is_file():
        raise StageRefusal("The GGUF converter is not here. Run: manage.py fetch_model " + spec.base)
    if not (adapter / "adapter_model.safetensors").is_file():
        raise StageRefusal("The trained adapter is not here. Run the train stage again.")
    scratch = run.path / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        _ensure_base_gguf(base, tools, scratch, run)
        report(run, done=0, total=0, unit="tensors", message="merging the adapter into the base")
        samples = _merge(base, adapter, scratch / "merged", Path(spec.prepared))
        report(run, done=0, total=0, unit="tensors", message="converting to GGUF")
        half = convert(scratch / "merged", scratch / "f16.gguf", tools)
        shutil.rmtree(scratch / "merged")
        agreements = {"F16": _check(half, base, samples, run)}
        outputs = [_quantize(half, run, kind, base) for kind in spec.types]
        for output in outputs:
            agreements[output.facts["type"]] = _ask(output.path, samples, run)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    facts = {output.facts["type"]: output.path.stat().st_size for output in outputs}
    return outputs, {"bytes": facts, "parity": {kind: asdict(each) for kind, each in agreements.items()}}


def _merge(base: Installed, adapter: Path, goal: Path, prepared: Path) -> list[Sample]:
    """The trained model as a folder, and what it would answer."""
    folder = ensure_hf_folder(base)
    model = PeftModel.from_pretrained(load_model(folder, torch.float32), adapter, local_files_only=True)
    merged = model.merge_and_unload(safe_merge=True)
    merged.save_pretrained(goal)
    # From the base and not from the trainer, which may have changed its padding.
    load_tokenizer(folder, base).save_pretrained(goal)
    return take_samples(merged, prepared)


def _check(half: Path, base: Installed, samples: list[Sample], run: RunDir) -> Agreement:
    """Raises StageRefusal where the engine does not serve the model as it was trained."""
    report(run, done=0, total=0, unit="tensors", message="comparing the engine with the trained model")
    with engine(half, samples, run.path / "scratch") as client:
        check_prompts(client, load_tokenizer(base.hf, base))
        check_end(client, samples[0])
        agreement = compare(client, samples)
    require(agreement)
    return agreement


def _ask(file: Path, samples: list[Sample], run: RunDir) -> Agreement:
    report(run, done=0, total=0, unit="tensors", message=f"comparing {file.name} with the trained model")
    with engine(file, samples, run.path / "scratch") as client:
        return compare(client, samples)


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


def _quantize(half: Path, run: RunDir, kind: str, base: Installed) -> Output:
    goal = run.artifact / f"model-{kind}.gguf"

    def told(done: int, total: int) -> None:
        if done % 16 == 0 or done == total:
            report(run, done=done, total=total, unit="tensors", message=f"quantizing to {kind}")

    quantize_file(half, goal, Recipe(kind), told)
    before, after = describe(half), describe(goal)
    if after["tensors"] != before["tensors"] or not after["chat_template"]:
        goal.unlink()
        raise StageRefusal(f"The {kind} file lacks tensors or the chat template. Report this.")
    facts = {"type": kind, "base": base.name, "tensor_types": after["types"]}
    write_json_atomic(goal.with_suffix(".json"), facts)
    return Output("gguf", goal, facts)


def _ensure_base_gguf(base: Installed, tools: Path, scratch: Path, run: RunDir) -> None:
    """A hub model comes without a GGUF; make one, once, so that it can be compared with the tuned model."""
    if base.gguf.is_file():
        return
    report(run, done=0, total=0, unit="tensors", message="converting the base to GGUF")
    load_tokenizer(base.hf, base).save_pretrained(scratch / "base")
    # Of the tokenizer nothing but what the tuned model gets: the converter would prefer a tokenizer.model.
    weights = [path for path in base.hf.glob("*.safetensors*") if path.is_file()]
    for path in (base.hf / "config.json", *weights):
        (scratch / "base" / path.name).symlink_to(path)
    half = convert(scratch / "base", scratch / "base-f16.gguf", tools)
    quantize_file(half, base.gguf, Recipe(BASE_TYPE), lambda *_: None)
    half.unlink()


if __name__ == "__main__":
    start("quantize", main)
