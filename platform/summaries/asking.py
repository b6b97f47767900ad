"""One summary of a record of whatever length: asked for at once where it fits the model, else piece by piece.

Where care goes before speed, each is written several times and the draft that the others and the record bear out is kept.
"""

from collections.abc import Generator
from dataclasses import replace
from functools import partial

from grounding.choosing import choose
from jobs.decoding import draft_parameters
from jobs.long_summaries import merge, pieces_to_ask
from jobs.prompts import messages, tidy
from summaries.engine import Cancellation, Completion, EngineClient, Prompt


def stream(
    client: EngineClient,
    sha256: str,
    prompt: Prompt,
    *,
    source: str,
    section: str,
    context_tokens: int,
    cancellation: Cancellation | None = None,
) -> Generator[str, None, Completion]:
    """As ``EngineClient.stream`` answers ``prompt``; where that asks for a summary of a long ``source``, in pieces.

    What comes is then one piece's summary after the other; the returned text is all of them merged. Of several drafts
    only the chosen one comes, when all are written; until then an empty piece after each.
    ``context_tokens`` is what the model reads at once, as it was trained.
    """
    answers: list[Completion] = []
    for part, about in _parts(client, sha256, prompt, source, section, context_tokens):
        if answers:
            yield "\n"
        if part.drafts > 1:
            answers.append((yield from _chosen(client, sha256, part, about, cancellation)))
        else:
            answers.append((yield from client.stream(sha256, part, cancellation)))
    return _merged(answers)


def _chosen(
    client: EngineClient, sha256: str, prompt: Prompt, source: str, cancellation: Cancellation | None
) -> Generator[str, None, Completion]:
    """One after the other: the engine reads the prompt once, and other people keep their places."""
    drafts: list[Completion] = []
    for number in range(prompt.drafts):
        told = replace(prompt, sampling={**prompt.sampling, **draft_parameters(number)})
        drafts.append(_to_the_end(client.stream(sha256, told, cancellation)))
        yield ""
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
) -> list[tuple[Prompt, str]]:
    """``prompt`` and ``source``, unless it asks for prose about a record in our own words, and the record is too long."""
    chat = prompt.messages
    if isinstance(chat, str) or prompt.json_schema or chat[-1] != messages(source, section)[-1]:
        return [(prompt, source)]

    def about(piece: str) -> list[dict[str, str]]:
        return [*chat[:-1], messages(piece, section)[-1]]

    try:
        pieces = pieces_to_ask(
            tidy(source),
            count=partial(client.count_tokens, sha256),
            count_prompt=lambda piece: client.count_prompt_tokens(sha256, about(piece)),
            context_tokens=context_tokens,
            max_new_tokens=prompt.max_new_tokens,
        )
    except ValueError:
        return [(prompt, source)]  # The engine says how much too long it is.
    return [(replace(prompt, messages=about(piece)), piece) for piece in pieces]


def _merged(answers: list[Completion]) -> Completion:
    return Completion(
        text=merge([answer.text for answer in answers]),
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        generated_tokens=sum(answer.generated_tokens for answer in answers),
        seconds=sum(answer.seconds for answer in answers),
        finish_reason="length" if any(answer.finish_reason == "length" for answer in answers) else "stop",
    )
