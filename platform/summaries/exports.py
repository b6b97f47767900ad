"""A summary to take away: PDF, Word and FHIR. What nobody has accepted says so, on every page.

Placeholders stay: real values are in the clinician's own live view only.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import log
from summaries import fhir, reviewing
from summaries.models import Summary, SummaryReview

if TYPE_CHECKING:
    from fpdf import FPDF
    from fpdf.fonts import TTFFont

FONT = Path(__file__).parent / "fonts" / "DejaVuSansCondensed.ttf"
_FAMILY = "dejavu"
DRAFT, REJECTED = "DRAFT – not accepted", "REJECTED – do not use"
PLACEHOLDERS = "Placeholders such as [NAME_1] stand for what identifies a patient."


@dataclass(frozen=True)
class Sheet:
    """What a file of any format says. ``banner`` is empty for an accepted summary."""

    summary: Summary
    text: str
    title: str
    facts: list[str]
    banner: str
    review: SummaryReview | None


@dataclass(frozen=True)
class Writer:
    suffix: str
    media_type: str
    write: Callable[[Sheet], bytes]


def export(*, summary: Summary, user: User, writer: Writer) -> bytes:
    """The file; one audit entry. Of a summary that nobody accepted it holds the draft."""
    review = reviewing.standing_review(summary)
    is_accepted = review is not None and review.decision == SummaryReview.Decision.ACCEPTED
    with transaction.atomic():
        log.record(
            clinic=summary.clinic,
            actor=user,
            action="export_summary",
            subject=summary,
            format=writer.suffix,
            accepted=is_accepted,
        )
    text = reviewing.text_of(review) if review and is_accepted else reviewing.draft_of(summary)
    return writer.write(_sheet(summary, text, review, is_accepted))


def _sheet(summary: Summary, text: str, review: SummaryReview | None, is_accepted: bool) -> Sheet:
    written = f"Written by {summary.deployment.artifact.name} on {_day(summary.created_at)}"
    if review is None:
        banner, decided = DRAFT, "Not read by a person yet"
    else:
        banner = "" if is_accepted else REJECTED
        decided = (
            f"{review.get_decision_display()} by {review.reviewer.username} on {_day(review.decided_at)}"
        )
    of = summary.scrubbed_text.record.label if summary.scrubbed_text else "a pasted text"
    title = f"{summary.section or 'Summary'} of {of}"
    facts = [summary.clinic.name, f"{decided}. {written}.", PLACEHOLDERS]
    return Sheet(summary, text, title, facts, banner, review)


def _day(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%d %B %Y, %H:%M}"


def _pdf(sheet: Sheet) -> bytes:
    # Imported late, as all three libraries: megabytes that few web processes need.
    from fpdf import FPDF

    class Page(FPDF):
        running = ""

        def header(self) -> None:
            # A draft must be known for one across the desk, in black and white.
            self.set_font(_FAMILY, size=16 if sheet.banner else 9)
            self.cell(0, 10, self.running, border=1 if sheet.banner else 0, align="C")
            self.ln(14)

        def footer(self) -> None:
            self.set_y(-15)
            self.set_font(_FAMILY, size=11 if sheet.banner else 8)
            self.cell(0, 6, f"{self.running}   {self.page_no()}/{{nb}}", align="C")

    pdf = Page(format="A4")
    pdf.add_font(_FAMILY, fname=FONT)
    pdf.set_margins(20, 15)
    pdf.set_auto_page_break(True, 20)
    pdf.set_title(sheet.title)
    pdf.running = _in_font(pdf, sheet.banner or sheet.summary.clinic.name)
    pdf.add_page()
    for size, words in ((15, sheet.title), *((9, fact) for fact in sheet.facts), (11, sheet.text)):
        pdf.set_font(_FAMILY, size=size)
        pdf.multi_cell(0, size * 0.55, _in_font(pdf, words), new_x="LMARGIN", new_y="NEXT", align="L")
        pdf.ln(2)
    return bytes(pdf.output())


def _in_font(pdf: "FPDF", text: str) -> str:
    """A character that the font lacks is spelt out: an empty box in its place would hide that something stands there."""
    known = cast("TTFFont", pdf.fonts[_FAMILY]).cmap
    return "".join(each if each == "\n" or ord(each) in known else f"[U+{ord(each):04X}]" for each in text)


def _docx(sheet: Sheet) -> bytes:
    from docx import Document

    document = Document()
    document.core_properties.title = sheet.title
    document.core_properties.author = sheet.summary.clinic.name
    document.sections[0].header.paragraphs[0].text = sheet.banner or sheet.summary.clinic.name
    if sheet.banner:
        document.sections[0].footer.paragraphs[0].text = sheet.banner
    document.add_heading(sheet.title, level=1)
    for fact in sheet.facts:
        document.add_paragraph(_writable(fact)).style = "Caption"
    for line in sheet.text.split("\n"):
        document.add_paragraph(_writable(line))
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def _writable(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(each for each in text if each >= " " or each == "\t")


def _fhir(sheet: Sheet) -> bytes:
    composition = fhir.composition(
        summary=sheet.summary,
        text=sheet.text,
        clinic=sheet.summary.clinic.name,
        written_at=sheet.summary.created_at,
        review=sheet.review,
    )
    return json.dumps(composition, ensure_ascii=False, indent=2).encode()


WRITERS = {
    writer.suffix: writer
    for writer in (
        Writer("pdf", "application/pdf", _pdf),
        Writer("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", _docx),
        Writer("json", "application/fhir+json", _fhir),
    )
}
