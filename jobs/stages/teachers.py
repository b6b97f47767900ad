"""A teacher to be asked: a model file on this machine, or a server elsewhere in the clinic.

Both are asked as a request for a summary is (``summaries.asking``): a long record in pieces, of several drafts the best
one, and nothing is sent out of the clinic. Whether teacher and student have the same tokenizer plays no part.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from jobs.model_server import ModelNotServed, temporary_server
from jobs.prompts import messages
from jobs.rundir import file_sha256
from jobs.specs import TEACHER_KEY, TeachSpec
from jobs.stages.entry import StageRefusal
from jobs.stages.rows import Row
from summaries import asking
from summaries.engine import Completion, EngineClient, EngineError, Prompt, PromptTooLong

ANSWER_SECONDS = 900.0
"""For one piece of a record: a large model on a processor takes minutes."""
Ask = Callable[[Row], Completion | None]
"""A row's summary; None for a record that the teacher cannot read. Raises StageRefusal for a teacher that is gone."""


@contextlib.contextmanager
def teacher(spec: TeachSpec, scratch: Path) -> Iterator[Ask]:
    """Raises StageRefusal for a teacher that cannot be asked, before any record is sent."""
    with _client(spec, scratch) as client:
        try:
            reads = client.context_tokens("") or spec.context_tokens
        except EngineError as error:
            raise _gone(spec, error) from None
        context_tokens = min(reads, spec.context_tokens)
        if context_tokens <= spec.max_new_tokens:
            raise StageRefusal(
                f"{spec.teacher} reads {reads} tokens at once, which leaves no room for a record."
            )
        yield partial(_ask, client, spec, context_tokens)


@contextlib.contextmanager
def _client(spec: TeachSpec, scratch: Path) -> Iterator[EngineClient]:
    if spec.url:
        key = os.environ.get(TEACHER_KEY, "")
        yield EngineClient.outside(spec.url, key, ANSWER_SECONDS, model=spec.teacher)
        return
    path = Path(spec.gguf)
    if not path.is_file() or file_sha256(path) != spec.gguf_sha256:
        raise StageRefusal(
            f"The file of {spec.teacher} is gone, or is not the one that was chosen. Choose it again."
        )
    served = temporary_server(
        path, var=scratch, context_tokens=spec.context_tokens, chat_template=spec.chat_template or None
    )
    try:
        with served as (port, key):
            yield EngineClient.at(port, key, ANSWER_SECONDS)
    except ModelNotServed as error:
        print((scratch / "log" / "engine.log").read_text(errors="replace"))
        raise StageRefusal(f"The engine cannot load {spec.teacher}; the stage's log says why.") from error


def _ask(client: EngineClient, spec: TeachSpec, context_tokens: int, row: Row) -> Completion | None:
    prompt = Prompt(messages(row["source"], row["section"]), spec.max_new_tokens, drafts=spec.drafts)
    try:
        return asking.ask(
            client, "", prompt, source=row["source"], section=row["section"], context_tokens=context_tokens
        )
    except PromptTooLong:
        return None
    except EngineError as error:
        raise _gone(spec, error) from None


def _gone(spec: TeachSpec, error: EngineError) -> StageRefusal:
    return StageRefusal(
        f"{spec.teacher} cannot be asked. {error} See to it and try again: what it wrote so far is kept."
    )
