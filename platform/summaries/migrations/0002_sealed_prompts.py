"""No prompt without the scrub gate's seal: the database refuses a summary of anything else."""

from django.db import migrations, models

MESSAGE = "a summary is made of a sealed text of its own clinic only"
UNSEALED = {
    "postgresql": "NEW.source_seal !~ '^[0-9a-f]{64}$'",
    "sqlite": "length(NEW.source_seal) <> 64 OR NEW.source_seal GLOB '*[^0-9a-f]*'",
}
NOT_OURS = """NEW.scrubbed_text_id IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM records_scrubbedtext t JOIN records_record r ON r.id = t.record_id
  WHERE t.id = NEW.scrubbed_text_id AND r.clinic_id = NEW.clinic_id AND r.status IN ('scrubbed', 'approved')
)"""


def create(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    refused = f"({UNSEALED[vendor]}) OR ({NOT_OURS})"
    if vendor == "postgresql":
        schema_editor.execute(
            f"""CREATE FUNCTION summaries_summary_sealed() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF {refused} THEN RAISE EXCEPTION '{MESSAGE}'; END IF; RETURN NEW; END $$"""
        )
        schema_editor.execute(
            "CREATE TRIGGER summaries_summary_sealed BEFORE INSERT ON summaries_summary "
            "FOR EACH ROW EXECUTE FUNCTION summaries_summary_sealed()"
        )
    else:
        schema_editor.execute(
            f"CREATE TRIGGER summaries_summary_sealed BEFORE INSERT ON summaries_summary WHEN {refused} "
            f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER summaries_summary_sealed ON summaries_summary")
        schema_editor.execute("DROP FUNCTION summaries_summary_sealed()")
    else:
        schema_editor.execute("DROP TRIGGER summaries_summary_sealed")


class Migration(migrations.Migration):
    dependencies = [("summaries", "0001_initial")]
    operations = [
        migrations.AddField("summary", "source_seal", models.CharField(default="", editable=False, max_length=64)),
        migrations.RunPython(create, drop),
    ]
