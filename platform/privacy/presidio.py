"""Presidio without its weight: imported with torch hidden, no language model, no network, no talk.

Presidio imports spaCy, spaCy imports thinc, and thinc imports torch wherever it is installed: seconds and
hundreds of megabytes that a web process must not pay. Presidio also imports transformers, which would remember
for the rest of the process that there is no torch. Everything in `privacy` takes Presidio from here.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Make ``import name`` fail for the length of the block, but for names the process has imported already."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with _hidden("torch", "transformers"):
    import spacy
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
    from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
    from presidio_anonymizer import AnonymizerEngine
    from presidio_anonymizer.entities import OperatorConfig
    from presidio_anonymizer.entities import RecognizerResult as SpanToReplace

# Their debug lines carry pieces of the text and their warnings stand in for errors: we raise instead.
for _name in ("presidio-analyzer", "presidio-anonymizer", "decision_process", "tldextract"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

__all__ = [
    "AnalyzerEngine",
    "AnonymizerEngine",
    "ContextAwareEnhancer",
    "EntityRecognizer",
    "NoOpNlpEngine",
    "OperatorConfig",
    "RecognizerRegistry",
    "RecognizerResult",
    "SpanToReplace",
    "spacy",
]
