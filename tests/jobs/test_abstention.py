import pytest

from jobs.abstention import abstains


@pytest.mark.parametrize(
    "summary",
    [
        "",
        "  \n",
        "None.",
        "Non-contributory",
        "N/A",
        "Unknown.",
        "None at this time.",
        "Family history: none.",
        "The family history is not known.",
        "No information available in the record.",
        "Not stated",
        "Complications: None reported.",
    ],
)
def test_a_summary_that_says_nothing_abstains(summary: str) -> None:
    assert abstains(summary)


@pytest.mark.parametrize(
    "summary",
    [
        "No known drug allergies.",
        "Unremarkable.",
        "None of his brothers has diabetes.",
        "The cause of her chest pain is unknown; echocardiogram on Monday.",
        "Negative.",
        "Not taking aspirin.",
    ],
)
def test_a_finding_is_no_abstention(summary: str) -> None:
    assert not abstains(summary)
