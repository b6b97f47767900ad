"""Which rows make up each optimizer step, planned before the first one."""

import random
from dataclasses import replace

from jobs.specs import TrainSpec

Batch = list[int]
"""Indices of the rows in one optimizer step."""
MIN_STEPS = 60
OPEN = 32
"""Batches a row may still join: enough to fill them to 97 %, and few enough for a hundred thousand rows."""


def enough_steps(lengths: list[int], spec: TrainSpec) -> TrainSpec:
    """The spec with batches small enough for ``MIN_STEPS``: sixteen steps left a model worse than its base."""
    budget = int(sum(lengths) * spec.epochs) // MIN_STEPS
    return replace(spec, tokens_per_batch=max(64, min(spec.tokens_per_batch, budget)))


def plan_batches(lengths: list[int], spec: TrainSpec) -> list[Batch]:
    """Every batch of the whole run in order, at most ``tokens_per_batch`` tokens each.

    The plan depends on the seed alone, so a resumed run needs no more than the number of its step.
    """
    plan: list[Batch] = []
    whole, part = divmod(spec.epochs, 1)
    for epoch in range(int(whole) + (part > 0)):
        batches = _fill(lengths, spec.tokens_per_batch, random.Random(f"{spec.seed}-{epoch}"))
        share = part if epoch == int(whole) else 1.0
        plan += batches[: max(1, round(share * len(batches)))]
    return plan


def _fill(lengths: list[int], budget: int, rng: random.Random) -> list[Batch]:
    """All rows once, in random order, each in the first batch with room for it among the ``OPEN`` newest."""
    batches: list[Batch] = []
    room: list[int] = []
    for index in rng.sample(range(len(lengths)), len(lengths)):
        still_open = range(max(0, len(batches) - OPEN), len(batches))
        place = next((i for i in still_open if lengths[index] <= room[i]), len(batches))
        if place == len(batches):
            batches.append([])
            room.append(budget)
        batches[place].append(index)
        room[place] -= lengths[index]
    rng.shuffle(batches)
    return batches


def split_batch(lengths: list[int], tokens_at_once: int) -> list[list[int]]:
    """The places 0, 1, … of a batch's rows in parts of at most so many tokens, at least a row each; 0: all at once."""
    parts: list[list[int]] = [[]]
    room = tokens_at_once
    for place, length in enumerate(lengths):
        if tokens_at_once and parts[-1] and length > room:
            parts.append([])
            room = tokens_at_once
        parts[-1].append(place)
        room -= length
    return parts
