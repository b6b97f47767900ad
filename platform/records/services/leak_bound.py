"""How many scrubbed texts may still identify somebody: a random sample, read blind, gives an upper bound.

The order of the draw follows from the proposal's seed, its length from the clinic's policy and from nothing that
readers find, so it cannot be drawn again until it looks good (docs/adr/0009).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models, transaction
from django.utils import timezone

from accounts.access import ALLOWED, Action
from accounts.models import Membership, User
from audit import log
from privacy.bounds import reads_needed, upper_bound
from privacy.kinds import Kind
from privacy.placeholders import PLACEHOLDER, PlacedSpan, Replacement, replace
from records import store
from records.models import (
    DatasetProposal,
    Field,
    Leak,
    PrivacyPolicy,
    Record,
    Redaction,
    SampledText,
    ScrubbedText,
)
from records.services.review import AddedSpan, newest_texts, review_record
from records.services.scrubbing import seal_version, standing_spans
from records.store import Texts

REVIEWERS = [role for role, actions in ALLOWED.items() if Action.REVIEW_RECORDS in actions]


class NotReadable(Exception):
    """This person may not read this text of the sample, or not any more; the message says why."""


@dataclass(frozen=True)
class Bound:
    """``leaks`` of the texts read had something of a kind; at most ``rate`` of all texts have."""

    leaks: int
    rate: float


@dataclass(frozen=True)
class Standing:
    """Where the blind reading of a proposal stands. A text counts once, however much it leaks."""

    texts: int
    drawn: int
    read: int
    wanted: int
    leaky: int
    leaky_by_kind: dict[Kind, int]
    max_rate: float

    @property
    def is_census(self) -> bool:
        """All texts are in the sample, so that nothing is left to be guessed."""
        return self.drawn == self.texts

    @property
    def overall(self) -> Bound:
        return self._bound(self.leaky)

    @property
    def by_kind(self) -> dict[Kind, Bound]:
        return {kind: self._bound(leaks) for kind, leaks in self.leaky_by_kind.items()}

    @property
    def clean_kind(self) -> Bound:
        """What holds for each kind of which no reader found anything."""
        return self._bound(0)

    @property
    def still_to_read(self) -> int:
        return max(self.drawn, self.wanted) - self.read

    @property
    def is_met(self) -> bool:
        return not self.leaky and self.still_to_read <= 0 and self.overall.rate <= self.max_rate

    def _bound(self, leaks: int) -> Bound:
        if self.is_census:  # what was not read yet may leak; of what was read the share is known
            return Bound(leaks, (leaks + self.texts - self.read) / self.texts if self.texts else 1.0)
        return Bound(leaks, upper_bound(leaks, self.read))


def draw_sample(proposal: DatasetProposal) -> int:
    """Draw as many texts as the clinic's policy asks for; returns how many are drawn. A stricter policy adds some."""
    drawn = set(proposal.sample.values_list("scrubbed_text_id", flat=True))
    seals = proposal.texts.values_list("scrubbed_text_id", "scrubbed_text__seal")
    left = [(_place(proposal.sample_seed, seal), key) for key, seal in seals if key not in drawn]
    fresh = sorted(left)[: max(0, _wanted(proposal) - len(drawn))]
    SampledText.objects.bulk_create(
        [
            SampledText(proposal=proposal, number=number, scrubbed_text_id=key)
            for number, (_, key) in enumerate(fresh, start=len(drawn) + 1)
        ],
        batch_size=500,
    )
    return len(drawn) + len(fresh)


def standing(proposal: DatasetProposal) -> Standing:
    leaks = Leak.objects.filter(sampled_text__proposal=proposal)
    by_kind = leaks.order_by().values_list("kind").annotate(texts=models.Count("sampled_text", distinct=True))
    return Standing(
        texts=proposal.text_count,
        drawn=proposal.sample.count(),
        read=proposal.sample.exclude(read_at=None).count(),
        wanted=_wanted(proposal),
        leaky=leaks.values("sampled_text").distinct().count(),
        leaky_by_kind={Kind(kind): texts for kind, texts in sorted(by_kind)},
        max_rate=PrivacyPolicy.of(proposal.clinic).max_leak_rate,
    )


def earlier_leaks(proposal: DatasetProposal) -> int:
    """Texts that leaked in other samples of the clinic. Many tries make the bound of the last one weaker."""
    others = SampledText.objects.filter(proposal__clinic=proposal.clinic).exclude(proposal=proposal)
    return others.exclude(leaks=None).distinct().count()


@transaction.atomic
def next_to_read(*, proposal: DatasetProposal, reader: User) -> SampledText | None:
    """The next text that this person may read blind, or None where none is left for them."""
    DatasetProposal.objects.select_for_update().get(pk=proposal.pk)
    draw_sample(proposal)
    newest = newest_texts().filter(proposed_in__proposal=proposal)
    unread = proposal.sample.filter(read_at=None, scrubbed_text__in=newest)
    if _has_another_reviewer(reader):
        unread = unread.exclude(scrubbed_text__record__reviewed_by=reader)
    return unread.select_related("scrubbed_text__record__clinic").order_by("number").first()


@transaction.atomic
def open_sampled(*, sampled: SampledText, reader: User) -> Texts:
    """The scrubbed words alone, with placeholders for what is hidden. Each look is an audit entry."""
    record = sampled.scrubbed_text.record
    log.record(clinic=record.clinic, actor=reader, action="view_sampled_text", subject=record)
    return _blind(sampled.scrubbed_text)


@transaction.atomic
def read_sampled(*, sampled: SampledText, reader: User, leaks: Sequence[AddedSpan] = ()) -> None:
    """Write down that a text was read, and hide in its record what still identifies.

    ``leaks`` are offsets into the text of ``open_sampled``. Raises ``NotReadable``.
    """
    record = sampled.scrubbed_text.record
    if record.reviewed_by_id == reader.pk and _has_another_reviewer(reader):
        raise NotReadable("You reviewed this record yourself. Somebody else has to read it blind.")
    if record.scrubbed_texts.filter(version__gt=sampled.scrubbed_text.version).exists():
        raise NotReadable("This record was reviewed again in the meantime. Propose the dataset again.")
    unread = SampledText.objects.filter(pk=sampled.pk, read_at=None)
    if not unread.update(read_by=reader, read_at=timezone.now()):
        raise NotReadable("Somebody else has read this text in the meantime.")
    if leaks:
        seen = _blind(sampled.scrubbed_text)
        _check_marks(leaks, seen)
        _hide(record, reader, leaks, seen)
        Leak.objects.bulk_create(
            Leak(sampled_text=sampled, field=leak.field, start=leak.start, end=leak.end, kind=leak.kind.value)
            for leak in leaks
        )
    log.record(
        clinic=record.clinic,
        actor=reader,
        action="read_sampled_text",
        subject=record,
        proposal=str(sampled.proposal.uuid),
        number=sampled.number,
        leaks=len(leaks),
    )


def _blind(scrubbed: ScrubbedText) -> Texts:
    """What a reader sees. Surrogates would look like leaks, so placeholders stand in their place here."""
    if scrubbed.operator == PrivacyPolicy.Operator.PLACEHOLDER:
        return store.open_scrubbed(scrubbed)
    if store.has_original(scrubbed.record):
        return Texts(*_placed(scrubbed.record).texts)
    if scrubbed.operator == PrivacyPolicy.Operator.MASK:
        return store.open_scrubbed(scrubbed)
    raise NotReadable(
        "Made-up words stand in this text and its original was deleted, so nobody can tell which of them are real. "
        "Upload its record again, and have datasets read before their originals are deleted."
    )


def _placed(record: Record) -> Replacement:
    original = store.load_original(record)
    return replace((original.source, original.target), standing_spans(list(record.redactions.all())))


def _check_marks(leaks: Sequence[AddedSpan], texts: Texts) -> None:
    for leak in leaks:
        text = texts.source if leak.field == Field.SOURCE else texts.target
        if not 0 <= leak.start < leak.end <= len(text):
            raise NotReadable("A marked span lies outside the text. Reload the page and mark it again.")
        shown = PLACEHOLDER.sub(lambda match: " " * len(match.group()), text)
        if not any(map(str.isalnum, shown[leak.start : leak.end])):
            raise NotReadable("What you marked is hidden already. Mark words that still identify somebody.")


def _hide(record: Record, reader: User, leaks: Sequence[AddedSpan], seen: Texts) -> None:
    """A new version of the record's text, with the leaks among its redactions."""
    if not store.has_original(record):
        _hide_in_scrubbed(record, leaks, seen)
        return
    placed = _placed(record)
    if Texts(*placed.texts) != seen:
        raise NotReadable("This record was scrubbed anew in the meantime. Propose the dataset again.")
    rejected = record.redactions.filter(verdict=Redaction.Verdict.REJECTED)
    review_record(
        record=record,
        reviewer=reader,
        rejected=[each.pk for each in rejected],
        added=[_in_original(leak, placed.spans[Field.values.index(leak.field)]) for leak in leaks],
    )


def _hide_in_scrubbed(record: Record, leaks: Sequence[AddedSpan], seen: Texts) -> None:
    """Where the original was deleted, the scrubbed text takes its place; no redaction could name a place in it."""
    marks = []
    for leak in leaks:
        text = seen.source if leak.field == Field.SOURCE else seen.target
        found = PLACEHOLDER.finditer(text)
        hidden = [PlacedSpan(*m.span(), m.group(), leak.kind, *m.span()) for m in found]
        whole = _in_original(leak, hidden)
        marks.append(
            Redaction(field=leak.field, start=whole.start, end=whole.end, kind=leak.kind.value, score=1.0)
        )
    seal_version(record, seen, standing_spans(marks))


def _in_original(leak: AddedSpan, placed: Sequence[PlacedSpan]) -> AddedSpan:
    """The place of a mark in the original. One that touches a placeholder takes in all that stands behind it."""
    start, end = leak.start, leak.end
    for span in placed:
        shift = span.original_end - span.end
        if span.end <= leak.start:
            start = leak.start + shift
        elif span.start < leak.start:
            start = span.original_start
        if span.end <= leak.end:
            end = leak.end + shift
        elif span.start < leak.end:
            end = span.original_end
    return AddedSpan(leak.field, start, end, leak.kind)


def _wanted(proposal: DatasetProposal) -> int:
    policy = PrivacyPolicy.of(proposal.clinic)
    return min(proposal.text_count, reads_needed(policy.max_leak_rate))


def _place(seed: str, seal: str) -> str:
    return hashlib.sha256(f"{seed}:{seal}".encode()).hexdigest()


def _has_another_reviewer(reader: User) -> bool:
    """Somebody else who can sign in; the member in whose name commands act cannot."""
    others = Membership.objects.filter(
        clinic=reader.membership.clinic, role__in=REVIEWERS, user__is_active=True
    )
    people = others.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return people.exclude(user=reader).exists()
