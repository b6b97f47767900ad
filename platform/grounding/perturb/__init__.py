"""Errors of twelve kinds put into true sentences: what the detector is trained on with some wordings, and tested on with others."""

from grounding.perturb.kinds import Perturbed, Wording, perturb
from grounding.perturb.sentences import true_sentences

__all__ = ["Perturbed", "Wording", "perturb", "true_sentences"]
