"""ONNX Runtime without its telemetry: its library knows an address outside, and leaves a session file in the temp folder.

Everything that runs a model in this process takes ONNX Runtime from here.
"""

import os

# Read by the library when it is loaded; no setting afterwards would undo what it has begun.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from onnxruntime import InferenceSession, SessionOptions

__all__ = ["InferenceSession", "SessionOptions"]
