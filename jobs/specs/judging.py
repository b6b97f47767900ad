"""What scores a model on held-out rows, and what tries to draw its training rows out of it."""

from dataclasses import dataclass

from jobs.specs.base import Spec, require, require_sealed


@dataclass(frozen=True, kw_only=True)
class EvaluateSpec(Spec):
    """Score the tuned model against its base on rows it has not seen."""

    tuned_gguf: str
    rows: str
    rows_sha256: str
    rows_key: str
    splits: tuple[str, ...] = ("test",)
    """Which rows are held out."""
    limit: int = 24
    """At most so many rows, drawn with the seed; 0 for all."""
    max_new_tokens: int = 160
    context_tokens: int = 2560
    """For one request, prompt and summary; a longer record is asked about in pieces."""
    drafts: int = 1
    """The tuned model writes so many summaries of each row and one is chosen, as a careful request is served."""
    threads: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        require_sealed(self.rows_sha256, self.rows_key)
        require(1 <= self.drafts <= 32, "Give 1 to 32 drafts.")
        require("train" not in self.splits, "Evaluate on held-out rows; training rows flatter the model.")
        require(bool(self.splits) and self.limit >= 0, "Give at least one split and a limit of 0 or more.")
        require(
            0 < self.max_new_tokens < self.context_tokens,
            "Give max_new_tokens below context_tokens, above 0.",
        )
        require(self.threads > 0, "Give at least one thread.")


@dataclass(frozen=True, kw_only=True)
class MeasureSpec(Spec):
    """Score and time the files of a model that was made smaller, beside the file it was made of."""

    files: dict[str, str]
    """Name → GGUF file; the first is the one that was made smaller."""
    evaluation: str
    """The file of that one's evaluation: its rows are asked again, and its base is not."""
    rows: str
    rows_sha256: str
    rows_key: str
    max_new_tokens: int = 160
    context_tokens: int = 2560
    timed_rows: int = 4
    """Asked one after the other, for the speed and the time to the first token."""
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(len(self.files) > 1, "Name the file that was made smaller and one made of it at least.")
        require_sealed(self.rows_sha256, self.rows_key)
        require(
            0 < self.max_new_tokens < self.context_tokens,
            "Give max_new_tokens below context_tokens, above 0.",
        )
        require(self.timed_rows > 0, "Time one row at least.")


@dataclass(frozen=True, kw_only=True)
class ExtractSpec(Spec):
    """Try to draw planted codes, and the clinic's own summaries, out of a trained model."""

    prepared: str
    """The artifact folder of the prepare stage."""
    adapter: str
    """The artifact folder of the train stage."""
    tuned_gguf: str
    canaries: str
    """The file of the codes that were planted, and of those that were not."""
    other_codes: int = 255
    """Each code is ranked among so many that were never planted; 255 tell 8 bits at most."""
    rows: int = 32
    """So many training summaries, and as many held-out ones, are tried too."""
    context_tokens: int = 2560
    threads: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.other_codes >= 99, "Raise other_codes to 99 or more; fewer prove nothing.")
        require(self.rows >= 0, "Give rows as 0 or more.")
        require(self.context_tokens > 0 and self.threads > 0, "Give context_tokens and threads above 0.")
