from django.contrib.auth.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "That name and password do not go together. Check the caps lock key and try again.",
        "inactive": "That name and password do not go together. Check the caps lock key and try again.",
    }
