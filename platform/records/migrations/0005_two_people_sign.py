"""The database itself refuses an unsigned dataset, a signature for other content, and a second look at a sample."""

from django.db import migrations

# (name, table, event, when to refuse, what the database says)
TRIGGERS = [
    (
        "records_dataset_signed",
        "records_dataset",
        "INSERT",
        """NEW.attestation = '' AND (
             SELECT COUNT(DISTINCT s.signer_id) FROM records_signature s
             JOIN records_datasetproposal p ON p.id = s.proposal_id
             WHERE p.clinic_id = NEW.clinic_id AND p.name = NEW.name AND p.status = 'open'
               AND p.content_hash = NEW.content_hash AND s.content_hash = NEW.content_hash
           ) < 2""",
        "a dataset needs two signatures",
    ),
    (
        "records_signature_matches",
        "records_signature",
        "INSERT",
        """NOT EXISTS (
             SELECT 1 FROM records_datasetproposal p
             WHERE p.id = NEW.proposal_id AND p.status = 'open' AND p.content_hash = NEW.content_hash
           )""",
        "a signature is for the content of an open proposal",
    ),
    (
        "records_datasetproposal_frozen",
        "records_datasetproposal",
        "UPDATE",
        """OLD.status <> 'open' OR NEW.clinic_id <> OLD.clinic_id OR NEW.name <> OLD.name
           OR NEW.seed <> OLD.seed OR NEW.content_hash <> OLD.content_hash
           OR NEW.sample_seed <> OLD.sample_seed OR NEW.text_count <> OLD.text_count""",
        "frozen rows do not change",
    ),
    (
        "records_sampledtext_read_once",
        "records_sampledtext",
        "UPDATE",
        """OLD.read_at IS NOT NULL OR NEW.proposal_id <> OLD.proposal_id OR NEW.number <> OLD.number
           OR NEW.scrubbed_text_id <> OLD.scrubbed_text_id""",
        "a sampled text is read once",
    ),
    ("records_proposedtext_frozen", "records_proposedtext", "UPDATE", "1 = 1", "frozen rows do not change"),
    ("records_signature_frozen", "records_signature", "UPDATE", "1 = 1", "frozen rows do not change"),
    ("records_leak_frozen", "records_leak", "UPDATE", "1 = 1", "frozen rows do not change"),
]


def create(apps, schema_editor):
    for name, table, event, refused, message in TRIGGERS:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF {refused} THEN RAISE EXCEPTION '{message}'; END IF; RETURN NEW; END $$"""
            )
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
            )
        else:
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {refused} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )


def drop(apps, schema_editor):
    for name, table, *_ in TRIGGERS:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER {name} ON {table}")
            schema_editor.execute(f"DROP FUNCTION {name}()")
        else:
            schema_editor.execute(f"DROP TRIGGER {name}")


class Migration(migrations.Migration):
    dependencies = [("records", "0003_records_in_phi_out")]
    operations = [migrations.RunPython(create, drop)]
