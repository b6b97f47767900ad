from datetime import timedelta

from django import forms
from django.utils import timezone

from accounts.models import ApiToken, Clinic, Role, Scope, User, all_scopes
from audit import staff

MOST_REQUESTS_PER_MINUTE = 10_000


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]
    role = forms.ChoiceField(choices=Role.choices)

    class Meta:
        model = User
        fields = ["username"]
        labels = {"username": "Name to sign in with"}
        help_texts = {"username": "Letters, digits and @ . + - _ only."}
        error_messages = {"username": {"unique": "Somebody has this name already. Choose another."}}


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        initial=all_scopes,
        widget=forms.CheckboxSelectMultiple,
        label="What it may do",
        help_text="Give no more than the program needs.",
    )
    valid_days = forms.IntegerField(initial=365, min_value=1, max_value=730, label="Valid for so many days")

    class Meta:
        model = ApiToken
        fields = ["name", "requests_per_minute"]
        labels = {"name": "What will use this key", "requests_per_minute": "Most requests a minute"}
        help_texts = {"name": "For example “ward software, 2nd floor”. It helps you to find the key later."}

    field_order = ["name", "scopes", "valid_days", "requests_per_minute"]

    def clean_requests_per_minute(self) -> int:
        asked: int = self.cleaned_data["requests_per_minute"]
        if not 1 <= asked <= MOST_REQUESTS_PER_MINUTE:
            raise forms.ValidationError(f"From 1 to {MOST_REQUESTS_PER_MINUTE:,}.")
        return asked

    def issue(self, *, clinic: Clinic, by: User) -> str:
        """Issue the key that was asked for; returns it."""
        asked = self.cleaned_data
        _, key = staff.issue_token(
            clinic=clinic,
            name=asked["name"],
            by=by,
            expires_at=timezone.now() + timedelta(days=asked["valid_days"]),
            scopes=asked["scopes"],
            requests_per_minute=asked["requests_per_minute"],
        )
        return key
