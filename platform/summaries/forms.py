from typing import Any

from django import forms

from accounts.models import Clinic
from jobs.decoding import CAREFUL_DRAFTS
from records.models import Record
from summaries.models import SummaryReview
from summaries.questions import MAX_SECTION_CHARACTERS
from summaries.reviewing import Ratings
from summaries.styles import STYLES

COMMON_SECTIONS = ("History of present illness", "Hospital course", "Assessment and plan", "Impression")
MOST_SECTIONS = 20


class SummarizeForm(forms.Form):
    """A record of the clinic by its uuid, or a pasted text. The service says how long a text may be."""

    record = forms.UUIDField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or paste a record",
        widget=forms.Textarea(attrs={"rows": 12, "autocomplete": "off", "spellcheck": "false"}),
    )
    section = forms.CharField(
        required=False,
        max_length=MAX_SECTION_CHARACTERS,
        label="Section (if you want one part only)",
        widget=forms.TextInput(attrs={"list": "sections", "autocomplete": "off"}),
    )
    style = forms.ChoiceField(
        required=False,
        choices=[(style.name, style.label) for style in STYLES.values()],
        label="Written as",
        help_text="It counts for the records in the list, too. Any other choice than the first asks the model for something it was not trained for.",
    )
    careful = forms.BooleanField(
        required=False,
        label="Take more care",
        help_text=f"It is written {CAREFUL_DRAFTS} times, and the draft that agrees best with the others and the record "
        "is kept: fewer inventions, but as many times as long to wait.",
    )


RATED = (("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5"))


def _rating(label: str) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        required=False, coerce=int, empty_value=None, choices=RATED, label=label, widget=forms.RadioSelect
    )


class DecisionForm(forms.Form):
    """A clinician's text, her decision about a draft and what she thinks of it. Only a rejection needs a reason."""

    text = forms.CharField(
        required=False,
        strip=False,
        label="Your text",
        widget=forms.Textarea(attrs={"rows": 9, "autocomplete": "off", "aria-describedby": "edit-state"}),
    )
    decision = forms.ChoiceField(choices=SummaryReview.Decision.choices)
    reason = forms.ChoiceField(
        required=False,
        choices=[("", "Choose a reason"), *SummaryReview.Reason.choices],
        label="Why",
        error_messages={"invalid_choice": "Choose one of the reasons."},
    )
    note = forms.CharField(
        required=False,
        max_length=2000,
        label="In your words (names are replaced)",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    completeness = _rating("Complete")
    correctness = _rating("Correct")
    conciseness = _rating("Concise")
    harm = forms.ChoiceField(
        required=False, choices=SummaryReview.Harm.choices, label="Harm", widget=forms.RadioSelect
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("decision") == SummaryReview.Decision.REJECTED and not cleaned.get("reason"):
            self.add_error("reason", "Say why, so that the next model can do better.")
        return cleaned

    def rating_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in Ratings.__dataclass_fields__]

    def ratings(self) -> Ratings:
        return Ratings(**{name: self.cleaned_data[name] for name in Ratings.__dataclass_fields__})


class ExplainForm(forms.Form):
    """``of`` is the fingerprint of the text whose sentence it is. ``real_values``: asked from the portal, where they stand
    in the draft, too."""

    sentence = forms.IntegerField(min_value=1)
    of = forms.CharField(max_length=16)
    real_values = forms.BooleanField(required=False)


def known_sections(clinic: Clinic) -> list[str]:
    """The sections of the clinic's own records, which are those its model was trained on."""
    named = Record.objects.filter(clinic=clinic).exclude(section="").order_by("section")
    own = list(named.values_list("section", flat=True).distinct()[:MOST_SECTIONS])
    return own or list(COMMON_SECTIONS)
