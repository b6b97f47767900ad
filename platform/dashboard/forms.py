from typing import Any

from django import forms

from dashboard.services.erasure import ServingModel


class EraseForm(forms.Form):
    """Confirms an erasure by the record's label, typed; asks about the deployed model where that is concerned."""

    label = forms.CharField(
        label="Type the record's number to confirm",
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    serving_model = forms.ChoiceField(
        label="The model that answers now learned from this. What should become of it?",
        choices=[
            (
                ServingModel.STAND_DOWN.value,
                "Take it out of service now. The model that answered before it takes over, if one may.",
            ),
            (
                ServingModel.KEEP.value,
                "Keep it in service, marked, until a new model is trained without this.",
            ),
        ],
        widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
    )

    def __init__(self, *args: Any, label: str, is_served: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._label = label
        help_text = f"It is {label}. Nothing is erased before you press the button below."
        self.fields["label"].help_text = help_text
        if not is_served:
            del self.fields["serving_model"]

    def clean_label(self) -> str:
        typed: str = self.cleaned_data["label"].strip().upper()
        if typed != self._label:
            raise forms.ValidationError(f"That is not {self._label}. Nothing was erased.")
        return typed

    @property
    def serving(self) -> ServingModel | None:
        chosen = self.cleaned_data.get("serving_model")
        return ServingModel(chosen) if chosen else None
