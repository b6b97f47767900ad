"""A Hugging Face token classifier (such as stanford-deidentifier-base) as int8 ONNX, to stand in the embedded tagger's place.

Reads spec.json and the base's folder, fetched before; writes artifact/onnx/{model.onnx, tokenizer.json, card.json}.

    python -m jobs.stages.export_tagger var/taggers/local-mine
"""

from pathlib import Path

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from jobs.catalogue import installed
from jobs.rundir import RunDir
from jobs.specs import ExportTaggerSpec
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.onnx_io import export
from privacy.tagger import kind_of


def main(spec: ExportTaggerSpec, run: RunDir) -> tuple[list[Output], dict[str, float]]:
    folder = installed(spec.base, Path(spec.models_dir)).hf
    model = AutoModelForTokenClassification.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
    )
    labels = [model.config.id2label[number] for number in range(model.config.num_labels)]
    if not any(map(kind_of, labels)):
        raise StageRefusal(
            "None of the model's labels stands for an identifier. Choose a de-identification model."
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    card = {
        "base": spec.base,
        "labels": labels,
        "cases": False,
        "ends": [tokenizer.cls_token, tokenizer.sep_token],
    }
    typed = getattr(model.config, "type_vocab_size", 0) > 1
    export(model, folder / "tokenizer.json", run.artifact / "onnx", card, typed=typed)
    return [Output("tagger", run.artifact / "onnx" / "model.onnx")], {"labels": float(len(labels))}


if __name__ == "__main__":
    start("export_tagger", main)
