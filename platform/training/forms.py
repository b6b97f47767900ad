"""The choices of a new training run."""

from dataclasses import fields
from typing import Any

from django import forms

from accounts.models import Clinic
from jobs.catalogue import Base
from jobs.specs import QUANTIZED_TYPES
from records.models import Dataset
from records.services.datasets import unlabelled_count
from training.models import TrainingRun
from training.options import CUTS, TEACH, RunOptions, SmallerOptions, files_to_make
from training.services.teachers import Teacher

_DEFAULTS, _SMALLER = RunOptions(), SmallerOptions()
ADVANCED = (
    "learning_rate",
    "lora_rank",
    "method",
    "max_train_rows",
    "evaluate_rows",
    "types",
    "as_adapter",
    "max_tokens",
    "set_aside",
    "most_invented",
    "canaries",
)
TAUGHT = ("teacher", "teach", "teacher_drafts")


class DatasetChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, dataset: Any) -> str:
        held_out = dataset.test_count or dataset.valid_count
        without = unlabelled_count(dataset)
        told = f" ({without:,} of them without a summary)" if without else ""
        return f"{dataset.name}: {dataset.train_count:,} records to train on{told}, {held_out:,} held out"


class StartRunForm(forms.Form):
    """Valid when the choices make ``RunOptions``; those stand in ``options`` then."""

    options: RunOptions

    dataset = DatasetChoice(queryset=Dataset.objects.none(), empty_label=None)
    base = forms.ChoiceField(label="Base model", widget=forms.RadioSelect)
    name = forms.CharField(
        max_length=50,
        help_text="The finished model is found under this name. Small letters, digits, “-”, “.”, “_”.",
    )
    epochs = forms.FloatField(
        initial=_DEFAULTS.epochs,
        min_value=0.01,
        max_value=50,
        label="Passes over the records (epochs)",
        help_text="2 is a good start. More passes take longer, and may learn the records by heart.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    learning_rate = forms.FloatField(
        initial=_DEFAULTS.learning_rate,
        help_text="0.0005 suits LoRA.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    lora_rank = forms.IntegerField(initial=_DEFAULTS.lora_rank, label="LoRA rank", min_value=1, max_value=256)
    method = forms.ChoiceField(
        initial=_DEFAULTS.method,
        choices=[
            ("lora", "LoRA: the usual way, and the quickest"),
            ("rslora", "rsLoRA: for ranks of 64 and more"),
            ("dora", "DoRA: sometimes closer, twice as slow"),
            ("qlora", "QLoRA: the base in 4 bits, where memory is short"),
        ],
        label="How the adapter is made",
        required=False,
    )
    max_train_rows = forms.IntegerField(
        initial=_DEFAULTS.max_train_rows,
        min_value=0,
        label="Train on so many records at most",
        help_text="0 means all.",
    )
    evaluate_rows = forms.IntegerField(
        initial=_DEFAULTS.evaluate_rows,
        min_value=0,
        label="Score on so many held-out records at most",
        help_text="0 means all. More take longer and make the scores surer.",
    )
    types = forms.MultipleChoiceField(
        initial=_DEFAULTS.types,
        choices=[(name, name) for name in QUANTIZED_TYPES],
        label="Compressed files to make",
        help_text="From the largest and closest to the trained model to the smallest.",
        widget=forms.CheckboxSelectMultiple,
    )
    as_adapter = forms.BooleanField(
        required=False,
        label="As an adapter on the shared base",
        help_text="Pays where models of several clinics answer on one machine: the base is in memory once, and each "
        "further clinic adds about a tenth of it. This file is the one that is scored; those above are made beside it.",
    )

    max_tokens = forms.IntegerField(
        required=False,
        initial=_DEFAULTS.max_tokens,
        label="Tokens read at once",
        help_text="A record and its summary together; 2048 hold some 1500 words. Longer records are taken in pieces.",
    )
    set_aside = forms.BooleanField(
        required=False,
        label="Leave out records that cannot be learned from",
        help_text="For example one whose summary is longer than the record. Otherwise the run stops before it "
        "trains, and names them.",
    )
    most_invented = forms.FloatField(
        required=False,
        initial=_DEFAULTS.most_invented,
        min_value=0,
        max_value=100,
        label="Sentences it may invent beyond the clinicians' own",
        help_text="Of 100 in its summaries. A model that surely has more that the record does not bear out, than the "
        "clinicians' summaries of the same records, cannot be deployed.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    canaries = forms.BooleanField(
        required=False,
        label="Test what the model remembers",
        help_text="Made-up access codes are planted among the training records, and Precis tries to draw them out of "
        "the finished model. It takes some minutes more. A model that gives a code away cannot be deployed, so "
        "this is for a trial of the settings: start the run that you mean to use without it.",
    )

    teacher = forms.ChoiceField(
        required=False,
        label="Teacher",
        error_messages={"invalid_choice": "That teacher is not here, or may not teach. Choose again."},
        help_text="Its tokenizer may be another than the base model's: what is learned is its text.",
    )
    teach = forms.ChoiceField(
        required=False,
        initial=_DEFAULTS.teach,
        choices=list(TEACH.items()),
        label="It summarizes",
        help_text="Of the records to train on. One with a summary keeps it, and gets a second.",
    )
    teacher_drafts = forms.IntegerField(
        required=False,
        initial=_DEFAULTS.teacher_drafts,
        min_value=1,
        max_value=32,
        label="Summaries written of each record, of which one is chosen",
        help_text="More take as much longer, and more of them can be kept.",
    )

    def __init__(
        self, *args: Any, clinic: Clinic, bases: list[Base], teachers: list[Teacher], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        known = [(each.key, f"{each.name} ({each.what})") for each in teachers]
        self.fields["teacher"].choices = [("", "Nobody"), *known]  # type: ignore[attr-defined]
        datasets = Dataset.objects.filter(clinic=clinic)
        self.fields["dataset"].queryset = datasets  # type: ignore[attr-defined]
        self.fields["base"].choices = [(base.name, _base_label(base)) for base in bases]  # type: ignore[attr-defined]
        self.fields["base"].initial = bases[0].name if bases else None
        self.fields["dataset"].initial = datasets.first()
        self.fields["name"].initial = suggested_name(clinic)

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        if not self.errors:
            try:
                self.options = RunOptions(
                    epochs=chosen["epochs"],
                    learning_rate=chosen["learning_rate"],
                    lora_rank=chosen["lora_rank"],
                    method=chosen["method"] or _DEFAULTS.method,
                    max_train_rows=chosen["max_train_rows"],
                    evaluate_rows=chosen["evaluate_rows"],
                    types=files_to_make(chosen["types"], as_adapter=chosen["as_adapter"]),
                    max_tokens=chosen["max_tokens"] or _DEFAULTS.max_tokens,
                    set_aside=chosen["set_aside"],
                    most_invented=_DEFAULTS.most_invented
                    if chosen["most_invented"] is None
                    else chosen["most_invented"],
                    canaries=chosen["canaries"],
                    teacher=chosen["teacher"],
                    teach=chosen["teach"] or _DEFAULTS.teach,
                    teacher_drafts=chosen["teacher_drafts"] or _DEFAULTS.teacher_drafts,
                )
            except ValueError as error:
                self.add_error(None, str(error))
        return chosen

    @property
    def faulty(self) -> list[forms.BoundField]:
        """For the head of a form that is longer than a screen."""
        return [field for field in self if field.errors]

    @property
    def basics(self) -> list[forms.BoundField]:
        return [self[name] for name in ("dataset", "name", "epochs")]

    @property
    def taught(self) -> list[forms.BoundField]:
        return [self[name] for name in TAUGHT]

    @property
    def taught_is_open(self) -> bool:
        return self._is_touched(TAUGHT)

    @property
    def advanced(self) -> list[forms.BoundField]:
        return [self[name] for name in ADVANCED]

    @property
    def advanced_is_open(self) -> bool:
        return self._is_touched(ADVANCED)

    def _is_touched(self, names: tuple[str, ...]) -> bool:
        """What was chosen, or is wrong, is seen when the form comes back."""
        return self.is_bound and any(name in self.errors or name in self.changed_data for name in names)


class MachinePlanForm(forms.Form):
    """Which base, and how it would be trained."""

    base = forms.ChoiceField(label="Base model")
    lora_rank = forms.IntegerField(initial=_DEFAULTS.lora_rank, label="LoRA rank", min_value=1, max_value=256)
    tokens = forms.IntegerField(
        initial=2048,
        min_value=64,
        max_value=131072,
        label="Longest record, in tokens",
        help_text="A page of text has about 600.",
    )

    def __init__(self, *args: Any, bases: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["base"].choices = [(name, name) for name in bases]  # type: ignore[attr-defined]


class SmallerForm(forms.Form):
    """Valid when the choices make ``SmallerOptions``; those stand in ``options`` then."""

    options: SmallerOptions

    cut = forms.ChoiceField(
        label="What is left out",
        initial=_SMALLER.cut,
        choices=[(name, cut.label) for name, cut in CUTS.items()],
        help_text="What is left out is healed: the rest learns from the whole model, which takes about as long as the "
        "training did.",
        widget=forms.RadioSelect,
    )
    types = forms.MultipleChoiceField(
        label="How briefly its numbers are stored",
        initial=_SMALLER.types,
        choices=[(name, name) for name in QUANTIZED_TYPES],
        help_text="One file for each. From the largest and closest to the trained model to the smallest.",
        widget=forms.CheckboxSelectMultiple,
    )
    mixed_like = forms.ChoiceField(
        label="And one that mixes them by what each part can bear, as small as",
        initial=_SMALLER.mixed_like,
        choices=[("", "none"), *((name, name) for name in QUANTIZED_TYPES[1:])],
        required=False,
    )
    most_lost = forms.FloatField(
        label="At most so many ROUGE-1 points may be lost",
        initial=_SMALLER.most_lost,
        min_value=0,
        max_value=100,
        help_text="A file that loses more, or surely invents more, cannot be deployed.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    name = forms.CharField(
        max_length=50,
        help_text="The files are found under it. Small letters, digits, “-”, “.”, “_”.",
    )

    def __init__(self, *args: Any, source: TrainingRun, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = f"{source.name}-small-{source.smaller_runs.count() + 1}"

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        wanted = [field.name for field in fields(SmallerOptions) if field.name in chosen]
        try:
            told = {name: chosen[name] for name in wanted}
            self.options = SmallerOptions(**told | {"types": tuple(told.get("types", ()))})
        except ValueError as error:
            if not self.errors:
                self.add_error(None, str(error))
        return chosen


def suggested_name(clinic: Clinic) -> str:
    taken = set(TrainingRun.objects.filter(clinic=clinic).values_list("name", flat=True))
    number = len(taken) + 1
    while f"summarizer-{number}" in taken:
        number += 1
    return f"summarizer-{number}"


def _base_label(base: Base) -> str:
    size = f"{base.parameters / 1e6:,.0f} million parameters" if base.parameters else "the clinic's own"
    return f"{base.name} ({size})"
