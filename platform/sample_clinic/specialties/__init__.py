"""The ten specialties of the sample clinic, each with its problems."""

from sample_clinic.script import Script

from . import (
    cardiology,
    endocrinology,
    gastroenterology,
    neurology,
    oncology,
    orthopedics,
    pediatrics,
    psychiatry,
    pulmonology,
    urology,
)

SPECIALTIES: dict[str, tuple[Script, ...]] = {
    "cardiology": cardiology.SCRIPTS,
    "pulmonology": pulmonology.SCRIPTS,
    "endocrinology": endocrinology.SCRIPTS,
    "gastroenterology": gastroenterology.SCRIPTS,
    "neurology": neurology.SCRIPTS,
    "orthopedics": orthopedics.SCRIPTS,
    "pediatrics": pediatrics.SCRIPTS,
    "psychiatry": psychiatry.SCRIPTS,
    "oncology": oncology.SCRIPTS,
    "urology": urology.SCRIPTS,
}
