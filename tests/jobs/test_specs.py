import dataclasses
import json

import pytest

from jobs.specs import (
    SPECS,
    DistillSpec,
    EvaluateSpec,
    ExportTaggerSpec,
    ExtractSpec,
    GrounderSpec,
    ImportanceSpec,
    MachinePlanSpec,
    MeasureSpec,
    PreflightSpec,
    PrepareSpec,
    PruneSpec,
    QuantizeSpec,
    Spec,
    TaggerSpec,
    TeachSpec,
    TrainSpec,
)

WHERE = {"base": "smollm2-135m", "models_dir": "/var/models"}
ROWS = {"rows": "/runs/1/rows.jsonl", "rows_sha256": "a" * 64, "rows_key": "b" * 64}
EXAMPLES: dict[str, Spec] = {
    "teach": TeachSpec(**WHERE, **ROWS, teacher="llama-3.1-8b", url="http://10.0.0.5:8080", drafts=3),
    "prepare": PrepareSpec(**WHERE, **ROWS, max_tokens=512),
    "train": TrainSpec(**WHERE, prepared="/runs/1/1-prepare/artifact", epochs=0.5),
    "prune": PruneSpec(**WHERE, prepared="/p", model="/m", layers=24, trim_vocabulary=True),
    "distill": DistillSpec(**WHERE, prepared="/p", student="/s", teacher="/t", divergence="jsd", beta=0.1),
    "importance": ImportanceSpec(**WHERE, prepared="/p", model="/m", as_small_as="Q4_K"),
    "quantize": QuantizeSpec(**WHERE, adapter="/a", prepared="/p", tools_dir="/tools", types=("Q6_K",)),
    "evaluate": EvaluateSpec(**WHERE, **ROWS, tuned_gguf="/m.gguf", splits=("test", "valid")),
    "measure": MeasureSpec(
        **WHERE, **ROWS, files={"a": "/a.gguf", "b": "/b.gguf"}, evaluation="/evaluation.json"
    ),
    "extract": ExtractSpec(**WHERE, prepared="/p", adapter="/a", tuned_gguf="/m.gguf", canaries="/c.json"),
    "train_tagger": TaggerSpec(**WHERE, examples="/e.jsonl", examples_sha256="a" * 64, epochs=0.5),
    "export_tagger": ExportTaggerSpec(**WHERE),
    "train_grounder": GrounderSpec(**WHERE, examples="/e.jsonl", examples_sha256="a" * 64, epochs=0.5),
    "machine_plan": MachinePlanSpec(**WHERE, tokens=1024),
    "preflight": PreflightSpec(**WHERE, prepared="/p", types=("Q6_K",)),
}


@pytest.mark.parametrize("stage", SPECS)
def test_a_spec_survives_the_trip_through_json(stage: str) -> None:
    spec = EXAMPLES[stage]
    assert SPECS[stage].from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize("stage", SPECS)
def test_a_field_nobody_knows_is_refused(stage: str) -> None:
    with pytest.raises(ValueError, match="colour"):
        SPECS[stage].from_json({**EXAMPLES[stage].to_json(), "colour": "red"})


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(ValueError, match="rows_sha256"):
        PrepareSpec.from_json({**WHERE, "rows": "/rows.jsonl"})


@pytest.mark.parametrize(
    ("stage", "changes", "advice"),
    [
        ("train", {"base": ""}, "Name a base model"),
        ("train", {"models_dir": "models"}, "absolute path"),
        ("prepare", {"rows_sha256": "abc"}, "64 hex digits"),
        ("prepare", {"rows_key": ""}, "rows_key"),
        ("evaluate", {"rows_key": "b" * 63}, "rows_key"),
        ("prepare", {"max_tokens": 10}, "Raise max_tokens"),
        ("extract", {"other_codes": 10}, "fewer prove nothing"),
        ("train", {"dp_epsilon": -1.0}, "dp_epsilon above 0"),
        ("train", {"dp_clip": 0.0}, "dp_clip above 0"),
        ("train", {"epochs": 0}, "more than 0 epochs"),
        ("train", {"learning_rate": 5}, "learning_rate up to"),
        ("train", {"lora_dropout": 1.0}, "lora_dropout"),
        ("train", {"tokens_per_batch": 8}, "tokens_per_batch"),
        ("prune", {"layers": 0, "trim_vocabulary": False}, "Say what to prune"),
        ("prune", {"mlp_channels": 1000}, "multiple of 32"),
        ("prune", {"layers": -1}, "0 or more"),
        ("prune", {"rows": 0}, "at least one row"),
        ("distill", {"divergence": "l2"}, "Choose a divergence among"),
        ("distill", {"beta": 1.0}, "between 0 and 1"),
        ("distill", {"temperature": 0}, "temperature above 0"),
        ("distill", {"hard_share": 2}, "from 0 to 1"),
        ("distill", {"student": "/t"}, "other than the teacher"),
        ("distill", {"label_smoothing": 0.1}, "label_smoothing at 0"),
        ("distill", {"dp_epsilon": 8.0}, "no promise of privacy"),
        ("importance", {"as_small_as": "Q8_0"}, "Choose as_small_as"),
        ("importance", {"probe_rows": 0}, "at least one row"),
        ("quantize", {"types": ()}, "Choose types among"),
        ("quantize", {"types": ("Q2_K",)}, "Choose types among"),
        ("quantize", {"types": ("Q8_0", "Q8_0")}, "once"),
        ("quantize", {"types": ("MIXED",)}, "Choose types among"),
        ("teach", {"teacher": ""}, "Name the teacher"),
        ("teach", {"gguf": "/m.gguf"}, "one of both"),
        ("teach", {"url": ""}, "one of both"),
        ("teach", {"url": "", "gguf": "/m.gguf"}, "gguf_sha256"),
        ("teach", {"drafts": 0}, "1 to 32 drafts"),
        ("teach", {"max_new_tokens": 2048}, "below context_tokens"),
        ("teach", {"least_words": 0}, "one word"),
        ("teach", {"most_copied": 0.0}, "most_copied above 0"),
        ("evaluate", {"splits": ("train",)}, "held-out"),
        ("evaluate", {"max_new_tokens": 4096}, "below context_tokens"),
        ("evaluate", {"threads": 0}, "at least one thread"),
        ("measure", {"files": {"a": "/a.gguf"}}, "made of it at least"),
        ("measure", {"max_new_tokens": 4096}, "below context_tokens"),
        ("measure", {"timed_rows": 0}, "one row at least"),
    ],
)
def test_a_wrong_spec_says_what_to_do(stage: str, changes: dict[str, object], advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        dataclasses.replace(EXAMPLES[stage], **changes)
