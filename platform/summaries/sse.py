"""Server-sent events, a summary told in them, and a request that ends when its caller hangs up."""

import json
import os
import select
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from threading import Thread
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

from summaries.engine import Cancellation
from summaries.restoring import StreamRestorer
from summaries.services import Writing


def event(data: Any, name: str = "") -> str:
    """One event. JSON has no line breaks of its own, so ``data`` is one line whatever it holds."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {name}\n" if name else "") + f"data: {text}\n\n"


def respond(events: Generator[str], on_error: Callable[[Exception], str]) -> StreamingHttpResponse:
    """Stream ``events``. The first is waited for, so that what fails before it still gets a status of its own.

    An error after that ends the stream with what ``on_error`` makes of it.
    """
    first = next(events)
    response = StreamingHttpResponse(_go_on(first, events, on_error), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would wait for the whole of it
    return response


def pieces(writing: Writing, originals: Mapping[str, str]) -> Iterator[str]:
    """``writing`` as it comes: ``piece`` with real values in it, and ``progress`` of what takes long."""
    restorer, told = StreamRestorer(originals), None
    for piece in writing:
        if writing.progress and writing.progress != told:
            told = writing.progress
            yield event(asdict(told), "progress")
        if text := restorer.feed(piece):
            yield event({"text": text}, "piece")
    if text := restorer.rest():
        yield event({"text": text}, "piece")


def _go_on(first: str, events: Generator[str], on_error: Callable[[Exception], str]) -> Iterator[str]:
    try:
        yield first
        yield from events
    except Exception as error:
        yield on_error(error)
    finally:
        events.close()


@contextmanager
def until_hang_up(request: HttpRequest) -> Iterator[Cancellation]:
    """A cancellation that comes true when the caller closes the connection.

    Knows gunicorn's socket. Under other servers a stream still ends with its first piece that cannot be sent.
    """
    cancellation = Cancellation()
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        yield cancellation
        return
    done = os.eventfd(0)
    watcher = Thread(target=_watch, args=(connection.fileno(), done, cancellation), daemon=True)
    watcher.start()
    try:
        yield cancellation
    finally:
        os.eventfd_write(done, 1)
        watcher.join()
        os.close(done)


def _watch(connection: int, done: int, cancellation: Cancellation) -> None:
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.register(done, select.POLLIN)
    if done not in dict(poll.poll()):
        cancellation.cancel()
