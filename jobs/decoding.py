"""How summaries are decoded: one place, so that a model is evaluated with what it is later served with."""

CAREFUL_DRAFTS = 7
"""So many drafts are written where care goes before speed, and ``grounding.choosing`` keeps one. docs/experiments.md."""
PARAMETERS: dict[str, float | int] = {
    # Greedy: the same record gives the same summary, and nothing is invented by chance.
    "temperature": 0.0,
    # Small models repeat lists without end. The penalty is mild and looks back a short way only, because a
    # strong one punishes the copying of names, numbers and placeholders, which is what a summary needs most.
    "repeat_penalty": 1.05,
    "repeat_last_n": 64,
    "seed": 1,
}


def draft_parameters(number: int) -> dict[str, float | int]:
    """How draft ``number`` is decoded: the first greedily, the others by chance, the same each time."""
    if number == 0:
        return PARAMETERS
    return {**PARAMETERS, "temperature": 0.6, "top_p": 0.95, "seed": PARAMETERS["seed"] + number}
