"""One summary of a record of whatever length: asked for at once where it fits the model, else piece by piece.

What a long chart's pieces give may itself be more than the model reads at once; then that is read again, and so shortened.
Where care goes before speed, each is written several times and the draft that the others and the record bear out is kept.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from grounding.choosing import choose
from jobs.decoding import draft_parameters
from jobs.long_summaries import merge, pieces_to_ask
from jobs.prompts import messages, tidy
from summaries.engine import Cancellation, Completion, EngineClient, Prompt

MOST_READINGS = 3
"""A chart is read once, and what came of it twice more at most."""


@dataclass(frozen=True)
class Progress:
    """``part`` of ``parts`` is being written, both from 1. ``reading`` 2 and 3 shorten what the one before gave.

    Where care is taken, each part is written ``drafts`` times, and ``draft`` is the one being written.
    """

    part: int
    parts: int
    reading: int
    draft: int = 1
    drafts: int = 1


Told = Callable[[Progress], None]
Parts = Sequence[tuple[Prompt, str]]


def stream(
    client: EngineClient,
    sha256: str,
    prompt: Prompt,
    *,
    source: str,
    section: str,
    context_tokens: int,
    cancellation: Cancellation | None = None,
    on_progress: Told | None = None,
) -> Generator[str, None, Completion]:
    """As ``EngineClient.stream`` answers ``prompt``; where that asks for a summary of a long ``source``, in pieces.

    What comes is then one piece's summary after the other; the returned text is all of them merged. Before each,
    ``on_progress`` is told and an empty piece comes, so that whoever reads may pass it on. Of several drafts only the
    chosen one comes, when all are written; before each but the first, likewise, ``on_progress`` and an empty piece. A
    second reading brings empty pieces only: its text is in what is returned. ``context_tokens`` is what the model reads at once, as it was trained. The
    client's timeout is each piece's own.
    """
    parts = _parts(client, sha256, prompt, source, section, context_tokens)
    spent: list[Completion] = []
    for reading in range(1, MOST_READINGS + 1):
        answers = yield from _read(client, sha256, parts, reading, cancellation, on_progress)
        spent += answers
        text = merge([answer.text for answer in answers])
        again = _pieces(client, sha256, prompt, text, section, context_tokens) if len(parts) > 1 else []
        # Read again for as long as that makes it shorter.
        if not 1 < len(again) < len(parts):
            break
        parts = again
    return _summed(spent, text, answers)


def _read(
    client: EngineClient,
    sha256: str,
    parts: Parts,
    reading: int,
    cancellation: Cancellation | None,
    on_progress: Told | None,
) -> Generator[str, None, list[Completion]]:
    answers: list[Completion] = []
    for number, (part, about) in enumerate(parts, start=1):
        progress = Progress(number, len(parts), reading, drafts=part.drafts)
        if len(parts) > 1:
            yield from _told(progress, on_progress)
        if answers and reading == 1:
            yield "\n"
        pieces = (
            _chosen(client, sha256, part, about, cancellation, progress, on_progress)
            if part.drafts > 1
            else client.stream(sha256, part, cancellation)
        )
        answers.append((yield from pieces if reading == 1 else _unseen(pieces)))
    return answers


def _told(progress: Progress, on_progress: Told | None) -> Iterator[str]:
    if on_progress:
        on_progress(progress)
    yield ""


def _unseen(pieces: Generator[str, None, Completion]) -> Generator[str, None, Completion]:
    """Empty pieces in the place of the text."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            completion: Completion = end.value
            return completion
        yield ""


def _chosen(
    client: EngineClient,
    sha256: str,
    prompt: Prompt,
    source: str,
    cancellation: Cancellation | None,
    progress: Progress,
    on_progress: Told | None,
) -> Generator[str, None, Completion]:
    """One after the other: the engine reads the prompt once, and other people keep their places."""
    drafts: list[Completion] = []
    for number in range(prompt.drafts):
        if drafts:
            yield from _told(replace(progress, draft=number + 1), on_progress)
        told = replace(prompt, sampling={**prompt.sampling, **draft_parameters(number)})
        drafts.append(_to_the_end(client.stream(sha256, told, cancellation)))
    best = drafts[choose(source, [draft.text for draft in drafts])]
    yield best.text
    return replace(best, generated_tokens=sum(draft.generated_tokens for draft in drafts))


def ask(
    client: EngineClient, sha256: str, prompt: Prompt, *, source: str, section: str, context_tokens: int
) -> Completion:
    return _to_the_end(
        stream(client, sha256, prompt, source=source, section=section, context_tokens=context_tokens)
    )


def _to_the_end(pieces: Generator[str, None, Completion]) -> Completion:
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            completion: Completion = end.value
            return completion


def _parts(
    client: EngineClient, sha256: str, prompt: Prompt, source: str, section: str, context_tokens: int
) -> Parts:
    """``prompt`` and ``source``, unless it asks for prose about a record in our own words, and the record is too long."""
    chat = prompt.messages
    if isinstance(chat, str) or prompt.json_schema or chat[-1] != messages(source, section)[-1]:
        return [(prompt, source)]
    try:
        return _pieces(client, sha256, prompt, source, section, context_tokens)
    except ValueError:
        return [(prompt, source)]  # The engine says how much too long it is.


def _pieces(
    client: EngineClient, sha256: str, prompt: Prompt, source: str, section: str, context_tokens: int
) -> Parts:
    """A question about each piece of ``source``. Raises ValueError where not even a small one would fit."""

    def about(piece: str) -> list[dict[str, str]]:
        return [*prompt.messages[:-1], messages(piece, section)[-1]]

    with client.counting(sha256) as count:
        pieces = pieces_to_ask(
            tidy(source),
            count=count,
            count_prompt=lambda piece: client.count_prompt_tokens(sha256, about(piece)),
            context_tokens=context_tokens,
            max_new_tokens=prompt.max_new_tokens,
        )
    return [(replace(prompt, messages=about(piece)), piece) for piece in pieces]


def _summed(spent: Sequence[Completion], text: str, last: Sequence[Completion]) -> Completion:
    """``text`` with what all answers cost; it is cut off where one of the ``last`` reading's is."""
    return Completion(
        text=text,
        prompt_tokens=sum(answer.prompt_tokens for answer in spent),
        generated_tokens=sum(answer.generated_tokens for answer in spent),
        seconds=sum(answer.seconds for answer in spent),
        finish_reason="length" if any(answer.finish_reason == "length" for answer in last) else "stop",
    )
