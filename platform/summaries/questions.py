"""What a model is asked: the text that came, or a record's, scrubbed and put into a prompt."""

import re
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from accounts.models import ApiToken, Clinic, User
from privacy.engine import ScrubError
from privacy.operators import Operator
from privacy.placeholders import Replacement, replace
from records import store
from records.models import Record, ScrubbedText
from records.readers.rows import MAX_CHARACTERS
from records.services.review import latest_text
from records.services.scrubbing import find_spans, harmless, says_the_same, standing_spans
from summaries.engine import Prompt
from summaries.styles import DEFAULT, Style

# As long as one record may be, when it is uploaded: some sixty pages.
MAX_SOURCE_CHARACTERS = MAX_CHARACTERS
MAX_SECTION_CHARACTERS = 60
# JSON can spell it, and UTF-8 cannot.
_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")


class TextRefused(Exception):
    """The text is empty, too long, or could not be scrubbed; the message says what to do and quotes nothing."""


@dataclass(frozen=True)
class Asked:
    """Who wants a summary of what. What the model is told, ``source`` and ``prompt``, is scrubbed.

    ``originals`` stands beside it for whoever asks and is never stored.
    """

    clinic: Clinic
    source: str
    prompt: Prompt
    originals: dict[str, str] = field(repr=False)
    section: str = ""
    style: str = ""
    user: User | None = None
    token: ApiToken | None = None
    scrubbed_text: ScrubbedText | None = None
    uuid: UUID = field(default_factory=uuid4)
    """The summary's, known before it is written."""


def asked_of_text(
    *,
    clinic: Clinic,
    text: str,
    section: str = "",
    style: Style = DEFAULT,
    reading_grade: int | None = None,
    careful: bool = False,
    user: User | None = None,
    token: ApiToken | None = None,
) -> Asked:
    """The scrubbed question about a text. Raises ``TextRefused``."""
    replacement = scrub_text(text)
    section = harmless_section(section)
    source = replacement.texts[0]
    prompt = style.prompt(source, section, reading_grade, careful=careful)
    return Asked(clinic, source, prompt, replacement.originals, section, style.name, user, token)


def harmless_section(section: str) -> str:
    """A section is free text too; the same rule as for the sections of records that the model was trained on."""
    return harmless(section.strip()[:MAX_SECTION_CHARACTERS])


def asked_of_record(
    *, record: Record, user: User, section: str = "", style: Style = DEFAULT, careful: bool = False
) -> Asked:
    scrubbed = latest_text(record)
    try:
        original = store.load_original(record)
    except store.OriginalGone:
        # The real values are gone with it: the summary is shown with its placeholders.
        replacement = _with_placeholders(scrubbed)
    else:
        replacement = _from_original(record, original, store.open_scrubbed(scrubbed))
    section = harmless_section(section or record.section)
    source = replacement.texts[0]
    prompt = style.prompt(source, section, careful=careful)
    return Asked(
        record.clinic, source, prompt, replacement.originals, section, style.name, user, None, scrubbed
    )


def _from_original(record: Record, original: store.Texts, scrubbed: store.Texts) -> Replacement:
    """Placeholders whatever the clinic's operator: only they can be turned back for the clinician (ADR 12)."""
    spans = standing_spans(list(record.redactions.all()))
    if not says_the_same(original.source, spans[0], scrubbed.source):
        raise TextRefused("The record's redactions changed since it was scrubbed. Have it reviewed again.")
    return replace((original.source, original.target), spans)


def _with_placeholders(scrubbed: ScrubbedText) -> Replacement:
    """The scrubbed text as it is; surrogates are replaced too, so that nobody takes made-up words for real ones."""
    texts = store.open_scrubbed(scrubbed)
    if scrubbed.operator != Operator.SURROGATE:
        return Replacement((texts.source, texts.target), {}, ((), ()))
    return Replacement(scrub_text(texts.source).texts, {}, ((),))


def scrub_text(text: str) -> Replacement:
    if not text.strip():
        raise TextRefused("There is no text. Paste a record first.")
    return scrub_texts([text])


def scrub_texts(texts: list[str]) -> Replacement:
    """One numbering of placeholders over all ``texts``. Raises ``TextRefused``."""
    if sum(map(len, texts)) > MAX_SOURCE_CHARACTERS:
        raise TextRefused(
            f"The text is longer than {MAX_SOURCE_CHARACTERS:,} characters. Summarize it in parts."
        )
    if _HALF_A_CHARACTER.search("".join(texts)):
        raise TextRefused("The text holds half a character (a lone surrogate). Send it as UTF-8.")
    try:
        return replace(texts, [find_spans(text) for text in texts])
    except ScrubError as error:
        raise TextRefused(
            "The text could not be scrubbed, so it was not summarized. Tell your administrator."
        ) from error
