"""``python -m records.readers.child SUFFIX ENCODING``: a file on standard input, what it says on standard output.

Before it looks at the first byte it gives up everything a hostile file could use: memory above a gigabyte, time,
the network, other programs, and writing files. It imports the one reader it needs, and neither Django nor a scrubber.

The answer begins with a letter: R a packed reading, Q encodings to choose from, U a refusal in words, M out of memory,
F the type of an error nobody foresaw. No error's message leaves the child: it could quote the file.
"""

import json
import os
import resource
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any

from jobs.lifeline import die_with_parent
from records.readers import READERS
from records.readers.decoding import EncodingUnknown
from records.readers.packing import pack
from records.readers.process import PARENT
from records.readers.rows import Reading, UnreadableFile, checked
from records.readers.sniffing import check_content

MEMORY_BYTES = 1024**3
CPU_SECONDS = 40
# The audit events of whatever leaves this process.
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")


def main(suffix: str, encoding: str) -> None:
    answers = _own_the_output()
    _shut_in()
    try:
        answer = b"R" + pack(read_here(suffix, sys.stdin.buffer.read(), encoding))
    except EncodingUnknown as question:
        answer = b"Q" + json.dumps([asdict(choice) for choice in question.choices]).encode()
    except UnreadableFile as refusal:
        answer = b"U" + str(refusal).encode()
    except MemoryError:
        answer = b"M"
    except Exception as error:  # the outermost loop: parsers raise anything on a damaged file
        answer = b"M" if "bad_alloc" in str(error) else b"F" + type(error).__name__.encode()
    with os.fdopen(answers, "wb") as out:
        out.write(answer)
        out.flush()
        os._exit(0)  # some native libraries crash while they are taken down


def read_here(suffix: str, data: bytes, encoding: str = "") -> Reading:
    """Read in this process. For the child, and for readers of files inside files."""
    check_content(suffix, data)
    reading: Reading = import_module(f"records.readers.{READERS[suffix]}").read(data, encoding)
    if not reading.rows and not reading.errors:
        raise UnreadableFile("The file is empty: it holds no record. Choose the file again after saving it.")
    return checked(reading)


def _own_the_output() -> int:
    """Keep the pipe for the answer alone: whatever a library prints goes nowhere."""
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return answers


def _shut_in() -> None:
    die_with_parent(int(os.environ[PARENT]))
    os.umask(0o077)
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        # Not one byte of a record reaches a disk, so there is nothing to clean up after a kill.
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(event)


if __name__ == "__main__":
    main(*sys.argv[1:])
