"""The rows of the records app, one module a concept."""

from records.models.datasets import (
    Dataset,
    DatasetItem,
    DatasetProposal,
    ProposedText,
    Signature,
    Split,
)
from records.models.duplicates import RecordBand
from records.models.leak import Leak, SampledText
from records.models.policy import PrivacyPolicy
from records.models.records import Field, Record, Redaction, ScrubbedText, Upload
from records.models.revocation import Revocation

__all__ = [
    "Dataset",
    "DatasetItem",
    "DatasetProposal",
    "Field",
    "Leak",
    "PrivacyPolicy",
    "ProposedText",
    "Record",
    "RecordBand",
    "Redaction",
    "Revocation",
    "SampledText",
    "ScrubbedText",
    "Signature",
    "Split",
    "Upload",
]
