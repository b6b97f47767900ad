"""A teacher's summaries of training records, for a student of whatever tokenizer to learn from."""

from dataclasses import dataclass

from jobs.specs.base import Spec, require, require_sealed

TEACHER_KEY = "PRECIS_TEACHER_KEY"
"""The environment variable that tells the stage the key of a server; a spec is a file, and may be read."""

FAULTS = {
    "empty": "came to nothing",
    "cut_off": "came to no end",
    "too_short": "said too little",
    "too_long": "said more than the record",
    "copied": "copied the record",
    "identifier": "named somebody or something that may identify a person, and that the record does not name",
    "ungrounded": "had a sentence that the check could not bear out",
    "doubtful": "said something that is perhaps not in the record",
}
"""Why a teacher's summary is not learned from, in the order in which it is looked at; in words that follow a number."""


@dataclass(frozen=True, kw_only=True)
class TeachSpec(Spec):
    """Have a teacher summarize training records, and keep what can be learned from."""

    rows: str
    """JSONL as for prepare, training rows alone; a summary that a row has is not shown to the teacher."""
    rows_sha256: str
    rows_key: str
    """The public key that every row's seal is checked with, 64 hex digits."""
    teacher: str
    """Its name. A server elsewhere in the clinic is asked for the model of this name."""
    gguf: str = ""
    """Its file on this machine; empty for a server's."""
    gguf_sha256: str = ""
    chat_template: str = ""
    """For a file that brings none."""
    url: str = ""
    """A server in the clinic that speaks OpenAI's language; empty for a file's. Its key comes as TEACHER_KEY."""
    drafts: int = 1
    """So many summaries are written of each record, and one is chosen before the others are looked at."""
    context_tokens: int = 2048
    """For one request, prompt and summary; a longer record is asked about in pieces."""
    max_new_tokens: int = 400
    least_words: int = 3
    most_copied: float = 0.8
    """The largest share of a summary's runs of four words that may stand so in the record, from 20 words on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_sealed(self.rows_sha256, self.rows_key)
        require(bool(self.teacher), "Name the teacher.")
        require(
            bool(self.gguf) != bool(self.url),
            "Give the teacher's file, or the server that has it: one of both.",
        )
        require(not self.gguf or len(self.gguf_sha256) == 64, "Give gguf_sha256 as the file's 64 hex digits.")
        require(1 <= self.drafts <= 32, "Give 1 to 32 drafts.")
        require(
            0 < self.max_new_tokens < self.context_tokens,
            "Give max_new_tokens below context_tokens, above 0.",
        )
        require(self.least_words > 0, "Ask for one word at least.")
        require(0 < self.most_copied <= 1, "Give most_copied above 0, up to 1.")
