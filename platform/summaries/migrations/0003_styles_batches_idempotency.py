"""SQLite makes the table of summaries anew for a column, and its trigger with it: so the trigger is put back."""

import uuid
from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

guard = import_module("summaries.migrations.0002_sealed_prompts")


def mark_cut_off(apps, schema_editor):
    """Until now every summary had 256 tokens at most."""
    apps.get_model("summaries", "Summary").objects.filter(generated_tokens__gte=256).update(is_cut_off=True)



class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_scopes_and_rates'),
        ('summaries', '0002_sealed_prompts'),
    ]

    operations = [
        migrations.RunPython(guard.drop, guard.create),
        migrations.AddField(
            model_name='summary',
            name='style',
            field=models.CharField(blank=True, default='', max_length=20),
        ),
        migrations.AddField(
            model_name='summary',
            name='is_cut_off',
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(mark_cut_off, migrations.RunPython.noop),
        migrations.RunPython(guard.create, guard.drop),
        migrations.CreateModel(
            name='SummaryBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('section', models.CharField(blank=True, max_length=60)),
                ('style', models.CharField(blank=True, max_length=20)),
                ('reading_grade', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('nudged_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('api_token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.apitoken')),
                ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.clinic')),
            ],
            options={
                'verbose_name_plural': 'summary batches',
            },
        ),
        migrations.CreateModel(
            name='IdempotentAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_digest', models.CharField(max_length=64)),
                ('body_digest', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('api_token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.apitoken')),
                ('summary', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='summaries.summary')),
                ('batch', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='summaries.summarybatch')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('api_token', 'key_digest'), name='one_answer_a_key')],
            },
        ),
        migrations.CreateModel(
            name='BatchItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('number', models.PositiveIntegerField()),
                ('blob', models.BinaryField()),
                ('source_seal', models.CharField(editable=False, max_length=64)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('summary', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='summaries.summary')),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='summaries.summarybatch')),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('batch', 'number'), name='batch_number_once')],
            },
        ),
    ]
