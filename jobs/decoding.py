"""How summaries are decoded: one place, so that a model is evaluated with what it is later served with."""

PARAMETERS: dict[str, float | int] = {
    # Greedy: the same record gives the same summary, and nothing is invented by chance.
    "temperature": 0.0,
    # Small models repeat lists without end. The penalty is mild and looks back a short way only, because a
    # strong one punishes the copying of names, numbers and placeholders, which is what a summary needs most.
    "repeat_penalty": 1.05,
    "repeat_last_n": 64,
    "seed": 1,
}
