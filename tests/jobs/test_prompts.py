from jobs.prompts import SYSTEM, messages


def test_the_section_is_told_where_there_is_one() -> None:
    assert messages("Cough.", " GENHX ")[1]["content"] == "Section: GENHX\nRecord:\nCough."
    assert messages("Cough.")[1]["content"] == "Record:\nCough."


def test_line_ends_and_outer_space_cost_no_tokens() -> None:
    windows = messages("\r\n Doctor: Hello.  \r\nPatient: Hi. \r\n\r\n")
    assert windows == messages("Doctor: Hello.\nPatient: Hi.")


def test_the_model_is_told_to_keep_placeholders() -> None:
    assert messages("x")[0] == {"role": "system", "content": SYSTEM}
    assert "[NAME_1]" in SYSTEM
