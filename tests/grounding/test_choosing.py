"""Of several drafts the one is kept that the others agree with and the record bears out."""

import pytest

from grounding.choosing import agreements, choose

RECORD = "Doctor: Your left knee is swollen. I will give you ibuprofen six hundred milligrams twice a day."
SOUND = "Left knee swelling. Ibuprofen 600 mg twice a day."


def test_what_only_one_draft_says_is_not_kept() -> None:
    odd = "The patient was referred to cardiology for an echocardiogram."
    assert choose(RECORD, [odd, SOUND, SOUND.replace("swelling", "is swollen")]) != 0


def test_of_drafts_that_agree_alike_the_one_the_record_bears_out_is_kept() -> None:
    wrong = SOUND.replace("600", "800")
    assert agreements([wrong, SOUND]) == pytest.approx([agreements([SOUND, wrong])[0]] * 2)
    assert choose(RECORD, [wrong, SOUND]) == 1
    assert choose(RECORD, [SOUND, wrong]) == 0


def test_a_majority_does_not_carry_a_wrong_side_and_a_wrong_dose() -> None:
    wrong = "Right knee swelling. Ibuprofen 800 mg twice a day."
    assert choose(RECORD, [wrong, wrong, SOUND]) == 2


def test_an_empty_draft_is_kept_only_where_all_are() -> None:
    assert choose(RECORD, ["", SOUND, SOUND]) == 1
    assert choose(RECORD, ["", SOUND]) == 1
    assert choose(RECORD, ["", ""]) == 0


def test_a_single_draft_is_kept_and_none_cannot_be() -> None:
    assert choose(RECORD, [SOUND]) == 0
    with pytest.raises(ValueError, match="empty"):
        choose(RECORD, [])
