"""A sample clinic: seeded synthetic records with reference summaries and gold identifiers.

Pure library: knows nothing of Django, files or models. Nobody in it is meant to be anyone.
"""

from sample_clinic.clinic import SampleRecord, generate

__all__ = ["SampleRecord", "generate"]
