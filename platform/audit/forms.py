from django import forms

from accounts.models import ApiToken, Role, User


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]
    role = forms.ChoiceField(choices=Role.choices)

    class Meta:
        model = User
        fields = ["username"]
        labels = {"username": "Name to sign in with"}
        help_texts = {"username": "Letters, digits and @ . + - _ only."}
        error_messages = {"username": {"unique": "Somebody has this name already. Choose another."}}


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ApiToken
        fields = ["name"]
        labels = {"name": "What will use this key"}
        help_texts = {"name": "For example “ward software, 2nd floor”. It helps you to find the key later."}
