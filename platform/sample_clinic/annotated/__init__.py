"""Annotated texts to train the tagger on: carriers and open texts with surrogates in them, spans right by construction."""

from sample_clinic.annotated.examples import write_examples
from sample_clinic.annotated.sources import Sources, collect
from sample_clinic.annotated.texts import Annotated, compose, weave

__all__ = ["Annotated", "Sources", "collect", "compose", "weave", "write_examples"]
