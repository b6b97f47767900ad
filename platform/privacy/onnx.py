"""ONNX Runtime without its telemetry: its library knows an address outside, and leaves a session file in the temp folder.

Everything that runs a model in this process takes ONNX Runtime from here.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

# Read by the library when it is loaded; no setting afterwards would undo what it has begun.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from onnxruntime import InferenceSession, SessionOptions

__all__ = ["InferenceSession", "SessionOptions", "WeightsError", "checked_card", "session"]


class WeightsError(Exception):
    """A model's files are missing, changed, or not those of such a model."""


def checked_card(folder: Path, what: str) -> dict[str, Any]:
    """The card of the model in ``folder``. Raises WeightsError when the model is not the one it names by its sha256."""
    try:
        card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise WeightsError(f"the {what}'s {type(error).__name__}") from None
    if digest != card.get("model_sha256"):
        raise WeightsError(f"the {what}'s model is not the one its card names")
    return card


def session(model: Path, *, threads: int) -> InferenceSession:
    options = SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = False  # an arena keeps the largest batch's memory for good
    # Threads that wait would spin on the cores that the engine wants.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without VNNI a processor adds products of 8 bits in 16, which overflow without a word: other names are then found.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
