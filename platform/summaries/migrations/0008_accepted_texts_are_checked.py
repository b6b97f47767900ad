"""What the check holds of an accepted text is kept with the decision. A nullable column: no table is made anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("summaries", "0007_disagreements")]
    operations = [migrations.AddField("summaryreview", "checked", models.JSONField(blank=True, null=True))]
