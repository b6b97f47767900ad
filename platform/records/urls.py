from django.urls import path

from records.views import datasets, policy, proposals, quarantine, records, review, upload

app_name = "records"
urlpatterns = [
    path("records/", records.record_list, name="list"),
    path("records/progress/", records.scrub_progress, name="scrub_progress"),
    path("records/upload/", upload.upload, name="upload"),
    path("records/upload/<uuid:uuid>/", upload.preview, name="upload_preview"),
    path("records/upload/<uuid:uuid>/encoding/", upload.encoding, name="upload_encoding"),
    path("records/upload/<uuid:uuid>/import/", upload.confirm, name="upload_confirm"),
    path("records/upload/<uuid:uuid>/discard/", upload.discard, name="upload_discard"),
    path("records/review/", review.next_review, name="next_review"),
    path("records/review/<uuid:uuid>/", review.review, name="review"),
    path("records/policy/", policy.policy, name="policy"),
    path("records/scrub-again/", quarantine.scrub_all_again, name="scrub_all_again"),
    path("records/<uuid:uuid>/", records.record, name="record"),
    path("records/<uuid:uuid>/scrub-again/", quarantine.scrub_again, name="record_scrub_again"),
    path("datasets/", datasets.dataset_list, name="datasets"),
    path("datasets/propose/", datasets.propose, name="propose"),
    path("datasets/proposed/<uuid:uuid>/", proposals.proposal, name="proposal"),
    path("datasets/proposed/<uuid:uuid>/sign/", proposals.sign, name="proposal_sign"),
    path("datasets/proposed/<uuid:uuid>/freeze/", proposals.freeze, name="proposal_freeze"),
    path("datasets/proposed/<uuid:uuid>/withdraw/", proposals.withdraw, name="proposal_withdraw"),
    path("datasets/proposed/<uuid:uuid>/again/", proposals.again, name="proposal_again"),
    path("datasets/proposed/<uuid:uuid>/sample/", proposals.sample, name="proposal_sample"),
    path("datasets/<uuid:uuid>/", datasets.dataset, name="dataset"),
]
