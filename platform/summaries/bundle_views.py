"""A model to take to a machine without any network, as one download."""

from django.contrib import messages
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from summaries import bundles
from summaries.deployments import NotDeployable
from training.models import ModelArtifact


@requires(Action.DEPLOY_MODELS)
@never_cache
@require_GET
def bundle(request: HttpRequest, uuid: str) -> HttpResponseBase:
    """A zip file, or the model's page with what is in the way."""
    fetched = ModelArtifact.objects.select_related("clinic", "stage__run__dataset", "parent")
    artifact = own_or_404(fetched, clinic_of(request), uuid)
    try:
        contents = bundles.pack(artifact=artifact, user=user_of(request))
    except (NotDeployable, bundles.NotPacked) as error:
        messages.error(request, str(error))
        return redirect("training:artifact", artifact.uuid)
    name = f"{artifact.name}-bundle"
    response = StreamingHttpResponse(bundles.zipped(contents, name), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return response
