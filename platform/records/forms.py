import re
from typing import Any

from django import forms

from privacy.kinds import Kind
from records import store
from records.highlight import KIND_CHOICES
from records.models import Field, PrivacyPolicy, Record, Redaction
from records.services.review import AddedSpan
from records.store import Texts


class MarkForm(forms.Form):
    """Words of a text that still identify somebody; ``added`` is what was marked or typed, as spans."""

    # [{"field": "source", "start": 0, "end": 4, "kind": "NAME"}], kept by review.js.
    marks = forms.JSONField(required=False, widget=forms.HiddenInput)
    words = forms.CharField(
        required=False,
        label="Words that should be hidden too",
        help_text="One on each line. Every place where they stand is hidden.",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(choices=KIND_CHOICES, label="What they are")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.added: list[AddedSpan] = []

    def texts(self) -> Texts:
        """The texts that marks and words are places in."""
        raise NotImplementedError

    def already_hidden(self) -> list[Redaction]:
        return []

    def clean_marks(self) -> list[AddedSpan]:
        marks = self.cleaned_data["marks"] or []
        try:
            return [_span(mark) for mark in marks]
        except (TypeError, KeyError, ValueError):
            raise forms.ValidationError(
                "The marks could not be read. Reload the page and mark again."
            ) from None

    def clean(self) -> None:
        data = self.cleaned_data
        self.added = list(data.get("marks", []))
        lines = [line.strip() for line in data.get("words", "").splitlines() if line.strip()]
        if not lines or self.errors:
            return
        texts, hidden = self.texts(), self.already_hidden()
        for number, line in enumerate(lines, start=1):
            found = occurrences(texts, line, Kind(data["kind"]))
            if not found:
                self.add_error("words", f"Line {number} does not stand in this record. Check its spelling.")
            self.added += [span for span in found if not _is_hidden(span, hidden)]


class ReviewForm(MarkForm):
    """What a reviewer decides about one record."""

    reject = forms.ModelMultipleChoiceField(Redaction.objects.none(), required=False)

    def __init__(self, *args: Any, record: Record, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record = record
        reject = self.fields["reject"]
        assert isinstance(reject, forms.ModelMultipleChoiceField)
        reject.queryset = record.redactions.all()

    def texts(self) -> Texts:
        return store.load_original(self.record)

    def already_hidden(self) -> list[Redaction]:
        rejected = {redaction.pk for redaction in self.cleaned_data["reject"]}
        return [each for each in self.record.redactions.all() if each.pk not in rejected]


class BlindForm(MarkForm):
    """What a reader of the sample still found in a scrubbed text."""

    number = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, texts: Texts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._texts = texts
        self.fields["words"].label = "Words that still identify somebody"

    def texts(self) -> Texts:
        return self._texts


def occurrences(texts: Texts, words: str, kind: Kind) -> list[AddedSpan]:
    """Where ``words`` stand in a record and its summary, as whole words, in any case and with any spaces."""
    inner = r"\s+".join(map(re.escape, words.split()))
    pattern = re.compile(rf"(?<!\w){inner}(?!\w)", re.IGNORECASE)
    return [
        AddedSpan(field, match.start(), match.end(), kind)
        for field, text in ((Field.SOURCE.value, texts.source), (Field.TARGET.value, texts.target))
        for match in pattern.finditer(text)
    ]


def _span(mark: Any) -> AddedSpan:
    start, end = mark["start"], mark["end"]
    if type(start) is not int or type(end) is not int:
        raise TypeError
    return AddedSpan(Field(mark["field"]).value, start, end, Kind(mark["kind"]))


def _is_hidden(span: AddedSpan, redactions: list[Redaction]) -> bool:
    return any(
        each.field == span.field and each.start <= span.start and span.end <= each.end for each in redactions
    )


class ProposeForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        label="Name of the dataset",
        help_text="For example “November 2026”. A dataset never changes, so a later one needs another name.",
    )
    seed = forms.IntegerField(
        initial=7,
        min_value=0,
        max_value=2**31 - 1,
        label="Seed of the split",
        help_text="Decides which patients are held out for testing. The same seed gives the same split.",
    )
    with_unlabelled = forms.BooleanField(
        required=False,
        label="Take records without a summary too",
        help_text="A teacher, another model, can write theirs when a run is started; without one nothing is learned from "
        "them. They are never held out.",
    )


class PolicyForm(forms.Form):
    """The privacy policy in a person's words; ``changes`` is what the service takes."""

    max_leak_percent = forms.FloatField(
        min_value=0.1,
        max_value=50,
        label="Training is locked until at most this share of records may still hold a leak (%)",
        help_text="5 asks for 59 records read blind and found clean, 1 for 299. Fewer where a dataset is smaller.",
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )
    operator = forms.ChoiceField(
        choices=PrivacyPolicy.Operator.choices,
        label="What stands in an identifier's place in training texts",
        help_text=(
            "Holds for records scrubbed or reviewed from now on. Made-up words move every date by some weeks: that keeps "
            "intervals, but it is no longer Safe Harbor, and an expert must have agreed to it."
        ),
    )
    keep_originals_days = forms.IntegerField(
        min_value=0,
        max_value=3650,
        label="Days to keep an original after its review",
        help_text="Then it is deleted for good, and only the scrubbed text is left.",
    )

    def __init__(self, *args: Any, policy: PrivacyPolicy, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "max_leak_percent": round(100 * policy.max_leak_rate, 3),
            "operator": policy.operator,
            "keep_originals_days": policy.keep_originals_days,
        }
        super().__init__(*args, **kwargs)

    @property
    def changes(self) -> dict[str, Any]:
        chosen = dict(self.cleaned_data)
        return {"max_leak_rate": chosen.pop("max_leak_percent") / 100} | chosen
