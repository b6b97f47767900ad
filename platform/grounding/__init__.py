"""Grounding: sentence → evidence in the record → verdict, probability and the words that disagree. Pure, without Django or torch."""
