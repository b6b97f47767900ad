"""Where records that are almost the same meet."""

from django.db import models

from records.models.records import Record


class RecordBand(models.Model):
    """A piece of a record's signature, hashed: records that resemble one another share at least one.

    The hash is keyed for each clinic and covers the piece's place, so that ``value`` alone is looked up.
    """

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="bands")
    value = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"Band of {self.record}"
