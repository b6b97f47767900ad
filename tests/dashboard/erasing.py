"""What tests of erasure share: records that can be told apart, and a look at all that is kept."""

import json
from pathlib import Path

from accounts.models import User
from config import vault
from config.keys import derive
from dashboard.services import erasure
from dashboard.services.erasure import ServingModel
from privacy.seal import seal
from records import store
from records.models import DatasetItem, Record, ScrubbedText
from records.services import review
from summaries import reviewing, shadows
from summaries.models import Deployment, Shadow, Summary, SummaryReview
from training.models import ModelArtifact

THINGS = ["cinnamon", "lantern", "pebble", "harbor", "velvet", "walnut"]
NOTE = (
    "Patient Mary Ellsworth, SSN 521-44-9832, keeps {} at home and has had chest pain for {} days. No fever."
)


def in_split(split: str) -> Record:
    item = DatasetItem.objects.select_related("scrubbed_text__record__clinic").filter(split=split).first()
    assert item is not None
    return item.scrubbed_text.record


def words_of(record: Record) -> str:
    """The word that only this record holds."""
    return THINGS[record.number - 1]


def erase(records: list[Record], user: User, serving: ServingModel | None = None) -> int:
    """Erase, and do what is done on commit."""
    count = erasure.erase_records(records=records, user=user, serving=serving)
    erasure.finish_erasures()
    return count


def readable(var: Path) -> str:
    """All that can be read with the keys: originals, scrubbed texts and summaries decrypted, other files as they are."""
    texts = []
    for record in Record.objects.select_related("clinic"):
        if store.has_original(record):
            texts.append(repr(store.load_original(record)))
    texts += [
        repr(store.open_scrubbed(text)) for text in ScrubbedText.objects.select_related("record__clinic")
    ]
    for summary in Summary.objects.select_related("clinic"):
        texts.append(
            vault.decrypt(summary.clinic.wrapped_key, f"summary:{summary.uuid}", summary.blob).decode()
        )
        texts += [
            typed.text for edit in summary.edits.all() if (typed := reviewing.edit_of(summary, edit.editor))
        ]
    texts += [
        reviewing.text_of(each)
        for each in SummaryReview.objects.select_related("summary__clinic", "reviewer")
    ]
    texts += [path.read_bytes().decode("latin-1") for path in var.rglob("*") if path.is_file()]
    return "\n".join(texts)


def shadow_of(deployment: Deployment, user: User) -> Shadow:
    """Another file of the same run, which learned from the same records."""
    other = ModelArtifact.objects.filter(kind="gguf").exclude(pk=deployment.artifact_id).get()
    return shadows.start(artifact=other, percent=100, user=user)


def corrected(record: Record, user: User, deployment: Deployment) -> SummaryReview:
    """A summary of the record, changed and accepted; one more is being edited."""
    texts = review.latest_text(record)
    reviews = []
    for answer in ("first", "second"):
        summary = Summary(
            clinic=record.clinic,
            deployment=deployment,
            author=user,
            scrubbed_text=texts,
            seconds=1,
            generated_tokens=1,
        )
        source = store.open_scrubbed(texts).source
        summary.source_seal = seal(derive("prompts"), source)
        blob = json.dumps([source, f"The {answer} {words_of(record)}."]).encode()
        summary.blob = vault.encrypt(record.clinic.wrapped_key, f"summary:{summary.uuid}", blob)
        summary.save()
        text = f"The {answer} {words_of(record)}, corrected."
        if answer == "first":
            reviews.append(reviewing.accept(summary=summary, user=user, text=text))
        else:
            reviewing.save_edit(summary=summary, user=user, text=text)
    return reviews[0]
