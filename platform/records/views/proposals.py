"""Pages of a proposed dataset: what it would hold, its signatures, and the blind reading of its sample."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Action, clinic_of, may, own_or_404, requires, user_of
from records.display import bound_rows
from records.forms import BlindForm
from records.highlight import pieces
from records.models import DatasetProposal, SampledText, Split
from records.services import leak_bound
from records.services import proposals as services
from records.services.datasets import NameTaken, NotEnoughRecords
from records.services.leak_bound import NotReadable
from records.services.proposals import ProposalRefused
from records.services.review import NotReviewable

TEXTS_A_PAGE = 50
CHANGED_SHOWN = 10


@requires(Action.VIEW_DATASETS)
@require_safe
def proposal(request: HttpRequest, uuid: str) -> HttpResponse:
    own = _own(request, uuid)
    if own.dataset:
        return redirect("records:dataset", own.dataset.uuid)
    signatures = list(own.signatures.select_related("signer"))
    texts = own.texts.select_related("scrubbed_text__record").defer("scrubbed_text__blob")
    changed = services.changed_texts(own)
    context = {
        "proposal": own,
        "is_open": own.status == DatasetProposal.Status.OPEN,
        "is_outdated": services.is_outdated(own),
        "changed": changed[:CHANGED_SHOWN],
        "changed_count": changed.count(),
        "signatures": signatures,
        "has_signed": user_of(request) in [each.signer for each in signatures],
        "is_signed": len(signatures) >= services.SIGNATURES_NEEDED,
        "parts": _parts(own),
        "unlabelled": services.unlabelled_texts(own).count(),
        "page": Paginator(texts, TEXTS_A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "records/proposal.html", context | reading_context(request, own))


@requires(Action.REVIEW_RECORDS)
@require_POST
def sign(request: HttpRequest, uuid: str) -> HttpResponse:
    own = _own(request, uuid)
    done = _try(request, lambda: services.sign_proposal(proposal=own, signer=user_of(request)))
    if done:
        messages.success(request, "Your signature stands in the audit log.")
    return redirect("records:proposal", own.uuid)


@requires(Action.FREEZE_DATASETS)
@require_POST
def freeze(request: HttpRequest, uuid: str) -> HttpResponse:
    own = _own(request, uuid)
    _try(request, lambda: services.freeze_proposal(proposal=own, user=user_of(request)))
    return redirect("records:proposal", own.uuid)


@requires(Action.FREEZE_DATASETS)
@require_POST
def withdraw(request: HttpRequest, uuid: str) -> HttpResponse:
    own = _own(request, uuid)
    if _try(request, lambda: services.withdraw_proposal(proposal=own, user=user_of(request))):
        messages.info(request, f"{own.name} is withdrawn.")
    return redirect("records:proposal", own.uuid)


@requires(Action.FREEZE_DATASETS)
@require_POST
def again(request: HttpRequest, uuid: str) -> HttpResponse:
    own = _own(request, uuid)
    fresh = _try(request, lambda: services.propose_again(proposal=own, user=user_of(request)))
    return redirect("records:proposal", fresh.uuid if fresh else own.uuid)


@requires(Action.REVIEW_RECORDS)
@never_cache
@require_http_methods(["GET", "POST"])
def sample(request: HttpRequest, uuid: str) -> HttpResponse:
    """The next text of the sample for this reader, without a word about what was found in it or in which record."""
    own = _own(request, uuid)
    if own.status == DatasetProposal.Status.WITHDRAWN:
        messages.info(request, "This proposal was withdrawn, so its sample is not read any more.")
        return redirect("records:proposal", own.uuid)
    if request.method == "POST":
        sampled = _numbered(own, request.POST.get("number", ""))
    else:
        sampled = leak_bound.next_to_read(proposal=own, reader=user_of(request))
    if sampled is None:
        return redirect("records:proposal", own.uuid)
    return _read(request, own, sampled)


def _numbered(own: DatasetProposal, number: str) -> SampledText | None:
    """The text of the sample that a form was about."""
    if not number.isdecimal() or len(number) > 9:
        return None
    return own.sample.select_related("scrubbed_text__record__clinic").filter(number=int(number)).first()


def reading_context(request: HttpRequest, own: DatasetProposal) -> dict[str, Any]:
    """What ``_reading.html`` shows, on the page of a proposal and on that of its dataset."""
    reading = leak_bound.standing(own)
    return {
        "reading": reading,
        "rows": bound_rows(reading),
        "limit": 100 * reading.max_rate,
        "earlier": leak_bound.earlier_leaks(own),
        "may_read": _may_read(request, own),
    }


def _may_read(request: HttpRequest, own: DatasetProposal) -> bool:
    if own.status == DatasetProposal.Status.WITHDRAWN or not may(user_of(request), Action.REVIEW_RECORDS):
        return False
    return leak_bound.next_to_read(proposal=own, reader=user_of(request)) is not None


def _parts(own: DatasetProposal) -> list[tuple[str, int]]:
    counts = dict(own.texts.order_by().values_list("split").annotate(number=models.Count("pk")))
    return [(label, counts.get(value, 0)) for value, label in Split.choices]


def _read(request: HttpRequest, own: DatasetProposal, sampled: SampledText) -> HttpResponse:
    """Show one text; once its form is sent, write down what was found and go on."""
    reader = user_of(request)
    try:
        texts = leak_bound.open_sampled(sampled=sampled, reader=reader)
        form = BlindForm(
            request.POST if request.method == "POST" else None,
            texts=texts,
            initial={"number": sampled.number},
        )
        if form.is_bound and form.is_valid():
            leak_bound.read_sampled(sampled=sampled, reader=reader, leaks=form.added)
            return redirect("records:proposal_sample", own.uuid)
    except (NotReadable, NotReviewable) as error:
        messages.error(request, str(error))
        return redirect(
            "records:proposal_sample" if request.method == "POST" else "records:proposal", own.uuid
        )
    context = {
        "proposal": own,
        "sampled": sampled,
        "source": pieces(texts.source, []),
        "target": pieces(texts.target, []),
        "form": form,
        "reading": leak_bound.standing(own),
    }
    return render(request, "records/sample.html", context, status=400 if form.errors else 200)


def _own(request: HttpRequest, uuid: str) -> DatasetProposal:
    fetched = DatasetProposal.objects.select_related("clinic", "dataset", "proposed_by")
    return own_or_404(fetched, clinic_of(request), uuid)


def _try(request: HttpRequest, service: Callable[[], Any]) -> Any:
    """What the service gives, or None and its refusal as a message. The page after it shows where things stand."""
    try:
        return service() or True
    except (ProposalRefused, NotEnoughRecords) as error:
        messages.error(request, str(error))
    except NameTaken as error:
        messages.error(request, f"There is a dataset named {error} already. Propose it under another name.")
    return None
