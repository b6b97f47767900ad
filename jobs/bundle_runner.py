"""Summarize one record with the model in this folder, on a machine without any network.

    python3 summarize.py RECORD.txt
    python3 summarize.py < RECORD.txt

Needs Python 3.11 or newer and nothing else: the engine's library lies in ``runtime``. Every file is held against
SHA256SUMS before it is used. Nothing is written to disk and nothing is logged: the summary goes to the standard output,
what else there is to say to the standard error.

Precis packs its ``jobs/bundle_runner.py`` as this file, with what ``jobs.prompts`` and ``jobs.decoding`` say of the
prompt and the decoding: a record is asked about here as it is there.
"""

import argparse
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL, FACTS, SUMS, RUNTIME = "model.gguf", "bundle.json", "SHA256SUMS", "runtime"
NOTICE = (
    "A draft by a small model that leaves things out and invents others. Nothing was removed from the record before the "
    "model read it, and nobody checked the summary against it: read it against the record."
)


class Refused(Exception):
    """No summary; the message says why, without a word of the record."""


def main(arguments: list[str], folder: Path) -> int:
    parser = argparse.ArgumentParser(
        prog="summarize.py", description="Summarize one record, without any network."
    )
    parser.add_argument(
        "record", nargs="?", type=Path, help="a text file (UTF-8); without one, the standard input"
    )
    parser.add_argument("--section", default="", help="the part of the note wanted, such as “Assessment”")
    asked = parser.parse_args(arguments)
    try:
        check(folder)
        summary, is_cut_off = summarize(folder, read(asked.record), asked.section)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print(NOTICE, file=sys.stderr)
    if is_cut_off:
        print("The summary was cut off: its end is missing.", file=sys.stderr)
    print(summary)
    return 0


def check(folder: Path) -> None:
    """Every file as it was packed, and none beside them in the library's folder. Raises ``Refused``."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise Refused(f"{SUMS} is missing or cannot be read. Copy the bundle again.") from None
    wanted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in {MODEL: "", FACTS: "", **wanted}:
        if _sha256(folder / name) != wanted.get(name, "not listed"):
            raise Refused(
                f"{name} is not the file that was packed. Copy the bundle again; nothing was summarized."
            )
    for path in (folder / RUNTIME).rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
            raise Refused(f"{path.relative_to(folder)} was added to the bundle. Copy the bundle again.")


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def read(path: Path | None) -> str:
    if path is None and sys.stdin.isatty():
        print("Paste the record, then press Enter and Ctrl-D.", file=sys.stderr)
    try:
        text = (path.read_bytes() if path else sys.stdin.buffer.read()).decode("utf-8-sig")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise Refused(f"The record is not UTF-8 (byte {error.start + 1}). Save it as UTF-8.") from None
    if not text.strip():
        raise Refused("The record is empty.")
    return text


def summarize(folder: Path, record: str, section: str) -> tuple[str, bool]:
    """The summary, and whether it was cut off. Raises ``Refused``."""
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder / RUNTIME))
    # Threads that wait sleep: spinning ones (the default) starve on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from jobs.prompts import messages

    asked = {
        "messages": messages(record, section),
        "max_tokens": facts["max_new_tokens"],
        **facts["decoding"],
    }
    answer = _Answer(room=facts["context_tokens"] - facts["max_new_tokens"])
    library = _library(facts["library"])
    with _silence():
        _ask(library, folder / MODEL, facts["context_tokens"], asked, answer.take)
    if answer.prompt_tokens > answer.room:
        raise Refused(_too_long(record, answer.prompt_tokens, answer.room))
    if not answer.finish_reason:
        raise Refused("The engine stopped in the middle of the summary. Try again.")
    return answer.text.strip(), answer.finish_reason == "length"


@dataclass
class _Answer:
    """What comes of a request, event by event."""

    room: int
    """Tokens that the record and its instructions may take."""
    prompt_tokens: int = 0
    text: str = ""
    finish_reason: str = ""

    def take(self, event: dict[str, Any]) -> bool:
        """True ends the request, before a word is written."""
        if "error" in event:
            self.prompt_tokens = event["error"].get("n_prompt_tokens", 0)
            return True
        self.prompt_tokens = event.get("prompt_progress", {}).get("total", self.prompt_tokens)
        for choice in event["choices"]:
            self.finish_reason = choice["finish_reason"] or self.finish_reason
            self.text += choice["delta"].get("content") or ""
        return self.prompt_tokens > self.room


def _library(facts: dict[str, str]) -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise Refused(
            f"The engine's library does not start on this machine: {error}. It is made for {facts['platform']}; on Debian "
            "and Ubuntu it also needs the packages libgomp1 and libstdc++6."
        ) from None
    return xllamacpp


def _ask(
    xllamacpp: Any,
    model: Path,
    context_tokens: int,
    asked: dict[str, Any],
    on_event: Callable[[dict[str, Any]], bool],
) -> None:
    """llama.cpp with the settings of ``jobs.model_server``, for a single request; it ends with this function."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    # It opens a port whether or not anybody asks there: only this machine reaches it, and nobody has the key.
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [secrets.token_urlsafe(32)]
    params.n_parallel = 1
    params.n_ctx = context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = len(os.sched_getaffinity(0))
    params.fit_params = params.ui = False
    params.cache_ram_mib = 0
    try:
        server = xllamacpp.Server(params)
    except Exception as error:
        raise Refused(
            f"The model cannot be loaded ({type(error).__name__}). Is there memory enough?"
        ) from None
    server.handle_chat_completions({**asked, "stream": True, "return_progress": True}, on_event)


@contextmanager
def _silence() -> Iterator[None]:
    """llama.cpp quotes a request that it cannot parse, at every verbosity."""
    kept = [(number, os.dup(number)) for number in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        for number, _ in kept:
            os.dup2(nothing, number)
        yield
    finally:
        for number, saved in kept:
            os.dup2(saved, number)


def _too_long(record: str, tokens: int, room: int) -> str:
    words = len(record.split())
    return (
        f"The record is too long: {words} words, {tokens} tokens with the instructions, and this model reads {room}. "
        f"Give it about {max(1, int(0.95 * words * room / tokens))} words at a time, parted where the note has a heading, "
        "or have it summarized in the clinic, where Precis reads long charts in pieces."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parent))
