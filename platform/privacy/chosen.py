"""What the clinic chose, told once at the start; apart from the engine, which takes a second to import."""

EMBEDDED = "embedded"

tagger = EMBEDDED
"""The model that reads beside the rules: EMBEDDED; "spacy:NAME", an installed pipeline; or a folder with an ONNX model."""
