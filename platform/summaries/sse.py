"""Server-sent events, and a request that ends when its caller hangs up."""

import json
import select
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

from summaries.engine import Cancellation

POLL_MILLISECONDS = 200


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
    cancellation, done = Cancellation(), Event()
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        yield cancellation
        return
    watcher = Thread(target=_watch, args=(connection.fileno(), done, cancellation), daemon=True)
    watcher.start()
    try:
        yield cancellation
    finally:
        done.set()
        watcher.join()


def _watch(connection: int, done: Event, cancellation: Cancellation) -> None:
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    with suppress(OSError):
        while not done.is_set():
            if poll.poll(POLL_MILLISECONDS):
                cancellation.cancel()
                return
