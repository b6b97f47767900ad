"""The rows of the records app, one module a concept."""

from records.models.datasets import Dataset, DatasetItem, Split
from records.models.policy import PrivacyPolicy
from records.models.records import Field, Record, Redaction, ScrubbedText, Upload

__all__ = [
    "Dataset",
    "DatasetItem",
    "Field",
    "PrivacyPolicy",
    "Record",
    "Redaction",
    "ScrubbedText",
    "Split",
    "Upload",
]
