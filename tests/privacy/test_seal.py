import pytest

from privacy.seal import is_intact, seal

KEY = b"k" * 32


def test_a_seal_holds_for_the_same_key_and_texts() -> None:
    assert is_intact(KEY, seal(KEY, "source", "target"), "source", "target")
    assert len(seal(KEY, "source")) == 64


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        (b"x" * 32, ("ab", "c")),
        (KEY, ("a", "bc")),
        (KEY, ("abc",)),
        (KEY, ("c", "ab")),
        (KEY, ("ab", "c", "")),
        (KEY, ("ab ", "c")),
    ],
)
def test_another_key_text_order_or_boundary_breaks_it(key: bytes, texts: tuple[str, ...]) -> None:
    assert not is_intact(key, seal(KEY, "ab", "c"), *texts)


@pytest.mark.parametrize("forged", ["", "é", "0" * 64, "\ud800"])
def test_a_made_up_seal_is_refused_not_raised_on(forged: str) -> None:
    assert not is_intact(KEY, forged, "text")


def test_a_lone_surrogate_can_be_sealed() -> None:
    assert is_intact(KEY, seal(KEY, "\ud800"), "\ud800")
