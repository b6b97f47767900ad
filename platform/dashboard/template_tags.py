"""The template library ``precis``: how forms, words and numbers look on pages."""

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, RadioSelect, Select
from django.utils.safestring import SafeString

from accounts import access
from accounts.models import User

register = template.Library()

# Models whose names are two words, or another word than people use.
_SPOKEN = {"apitoken": "API key", "modelartifact": "Model", "trainingrun": "Training run"}


@register.simple_tag
def promise() -> str:
    """Where everything stays: the clinic may have another server answer, teach or explain (docs/engines.md)."""
    leaves = settings.ENGINE_URL or settings.TEACHER_URL or settings.EXPLAINER_URL
    return "Everything stays in the clinic" if leaves else "Everything stays on this machine"


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's widget in the design's classes."""
    widget = field.field.widget
    if isinstance(widget, RadioSelect):
        css = ""
    elif isinstance(widget, CheckboxInput):
        css = "form-check-input"
    else:
        css = "form-select" if isinstance(widget, Select) else "form-control"
    return field.as_widget(attrs={"class": f"{css} is-invalid" if field.errors else css})


@register.filter
def words(name: str) -> str:
    """``freeze_dataset`` or ``records:review_record`` as a person would say it: Freeze dataset."""
    return _SPOKEN.get(name) or name.rpartition(":")[2].replace("_", " ").capitalize()


@register.filter
def counted(number: int, noun: str) -> str:
    """``1 record``, ``1,200 records``; an irregular plural is given as ``entry,entries``."""
    one, _, many = noun.partition(",")
    return f"{number:,} {one if number == 1 else many or one + 's'}"


@register.filter
def may(user: User, action: str) -> bool:
    """Whether the user's role allows ``action`` (a value of ``accounts.access.Action``), to leave out dead ends."""
    return access.may(user, access.Action(action))
