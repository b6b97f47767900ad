from django import forms

from accounts.models import Clinic
from jobs.decoding import CAREFUL_DRAFTS
from records.models import Record
from summaries.questions import MAX_SECTION_CHARACTERS
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


def known_sections(clinic: Clinic) -> list[str]:
    """The sections of the clinic's own records, which are those its model was trained on."""
    named = Record.objects.filter(clinic=clinic).exclude(section="").order_by("section")
    own = list(named.values_list("section", flat=True).distinct()[:MOST_SECTIONS])
    return own or list(COMMON_SECTIONS)
