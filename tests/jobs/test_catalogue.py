import json
from pathlib import Path

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jobs.catalogue import (
    BASES,
    GEMMA_TEMPLATE,
    PHI_TEMPLATE,
    HubSource,
    NotFetched,
    UnknownBase,
    find,
    installed,
)
from jobs.prompts import messages

NASTY = [
    "http://169.254.169.254/latest/meta-data",
    "https://example.org/model",
    "file:///etc/passwd",
    "../smollm2-135m",
    "smollm2-135m/../../etc",
    "/etc/passwd",
    "local:../../etc",
    "local:/etc",
    "local:",
    "SmolLM2-135M",
    "smollm2-135m\n",
    "HuggingFaceTB/SmolLM2-360M-Instruct",
    "",
]


@pytest.mark.parametrize("name", NASTY)
def test_only_an_exact_name_finds_a_base(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownBase, match="smollm2-135m, gemma3-270m"):
        find(name, tmp_path)
    with pytest.raises((UnknownBase, NotFetched)):
        installed(name, tmp_path)


def test_every_hub_model_is_pinned_to_a_commit() -> None:
    revisions = [base.source.revision for base in BASES.values() if isinstance(base.source, HubSource)]
    assert len(revisions) == 6
    assert all(len(bytes.fromhex(revision)) == 20 for revision in revisions)


def test_a_folder_of_the_clinics_own_needs_the_setting(tmp_path: Path) -> None:
    own = tmp_path / "ours"
    own.mkdir()
    (own / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 4096}))
    assert find("local:ours", tmp_path).context_tokens == 4096
    with pytest.raises(UnknownBase):
        find("local:ours")


def test_a_link_out_of_the_allowed_folder_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnknownBase):
        find("local:link", tmp_path / "allowed")


def test_a_base_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(NotFetched, match=r"manage\.py fetch_model gemma3-1b"):
        installed("gemma3-1b", tmp_path)


def rendered(template: str) -> tuple[str, str]:
    """The prompt for a record, and the same with an answer."""
    compiled = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)
    chat = messages("Cough for three days.")
    answered = [*chat, {"role": "assistant", "content": "Cough."}]
    prompt = compiled.render(messages=chat, bos_token="<bos>", add_generation_prompt=True)
    return prompt, compiled.render(messages=answered, bos_token="<bos>", add_generation_prompt=False)


@pytest.mark.parametrize(("template", "end"), [(GEMMA_TEMPLATE, "<eos>"), (PHI_TEMPLATE, "<|endoftext|>")])
def test_our_templates_let_an_answer_follow_the_prompt_and_end(template: str, end: str) -> None:
    prompt, whole = rendered(template)
    assert whole == f"{prompt}Cough.{end}"
    assert prompt.count("Cough for three days.") == 1
    assert "[NAME_1]" in prompt
