"""The database itself lets only scrubbed texts of scrubbed records in, and only reviewed ones into a dataset.

SQLite forgets a table's triggers when a migration rebuilds it, as 0003 does: those of 0002 are made again here.
"""

from importlib import import_module

from django.db import migrations

# (name, table, when to refuse, what the database says)
TRIGGERS = [
    (
        "records_scrubbedtext_scrubbed",
        "records_scrubbedtext",
        """NOT EXISTS (
             SELECT 1 FROM records_record r WHERE r.id = NEW.record_id AND r.status IN ('scrubbed', 'approved')
           )""",
        "only a scrubbed record has a scrubbed text",
    ),
    (
        "records_datasetitem_reviewed",
        "records_datasetitem",
        """NOT EXISTS (
             SELECT 1 FROM records_scrubbedtext t
             JOIN records_record r ON r.id = t.record_id
             JOIN records_dataset d ON d.id = NEW.dataset_id
             WHERE t.id = NEW.scrubbed_text_id AND r.status = 'approved' AND r.clinic_id = d.clinic_id
           )""",
        "a dataset holds reviewed texts of its own clinic only",
    ),
]
frozen = import_module("records.migrations.0002_frozen_stays_frozen")


def create(apps, schema_editor):
    for name, table, refused, message in TRIGGERS:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF {refused} THEN RAISE EXCEPTION '{message}'; END IF; RETURN NEW; END $$"""
            )
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
            )
        else:
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {refused} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )


def drop(apps, schema_editor):
    for name, table, *_ in TRIGGERS:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER {name} ON {table}")
            schema_editor.execute(f"DROP FUNCTION {name}()")
        else:
            schema_editor.execute(f"DROP TRIGGER {name}")


def freeze_again(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        for table in frozen.TABLES:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_frozen")
        frozen.create(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("records", "0005_two_people_sign")]
    operations = [
        migrations.RunPython(freeze_again, migrations.RunPython.noop),
        migrations.RunPython(create, drop),
    ]
