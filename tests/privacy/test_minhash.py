"""Texts that are almost the same have signatures that are; nobody without the key can tell."""

import random

import pytest

from privacy.minhash import ALIKE, BANDS, SIGNATURE_BYTES, Signer, similarities

WORDS = [f"word{number}" for number in range(5000)]


def text_of(count: int, seed: int) -> list[str]:
    return random.Random(seed).choices(WORDS, k=count)


def estimate(first: str, second: str, signer: Signer | None = None) -> float:
    signer = signer or Signer(b"a key")
    return similarities(signer.sign(first), [signer.sign(second)])[0]


@pytest.mark.parametrize(
    "other",
    [
        "HE HAS HAD A COUGH, FOR THREE DAYS. NO FEVER; LUNGS CLEAR.",
        "He  has had\r\na cough for\tthree days\n\nNo fever, lungs clear",
    ],
)
def test_case_white_space_and_punctuation_do_not_count(other: str) -> None:
    assert estimate("He has had a cough for three days. No fever, lungs clear.", other) == 1.0


@pytest.mark.parametrize("changed", [0, 2, 5, 10, 20, 40, 100])
def test_the_estimate_is_near_the_true_share_of_shingles(changed: int) -> None:
    first = text_of(400, seed=1)
    second = list(first)
    for place in random.Random(changed).sample(range(400), changed):
        second[place] = f"other{place}"
    sets = [{tuple(words[n : n + 3]) for n in range(398)} for words in (first, second)]
    truth = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    # Four standard deviations of 126 places.
    assert estimate(" ".join(first), " ".join(second)) == pytest.approx(truth, abs=0.18)


def test_texts_above_the_threshold_share_a_band_and_unrelated_ones_do_not() -> None:
    signer = Signer(b"a key")
    missed = shared = 0
    for seed in range(200):
        words = text_of(300, seed)
        other = list(words)
        for place in random.Random(seed).sample(range(1, 299), 9):  # about .83 of the shingles stay
            other[place] = "changed"
        bands = [
            set(signer.bands(signer.sign(" ".join(each))))
            for each in (words, other, text_of(300, seed + 1000))
        ]
        missed += not bands[0] & bands[1]
        shared += bool(bands[0] & bands[2])
    assert missed <= 2
    assert shared == 0


def test_another_key_makes_another_signature_of_the_same_text() -> None:
    text = " ".join(text_of(100, seed=3))
    ours, theirs = Signer(b"ours"), Signer(b"theirs")
    assert similarities(ours.sign(text), [theirs.sign(text)])[0] < 0.1
    assert not set(ours.bands(ours.sign(text))) & set(theirs.bands(ours.sign(text)))


@pytest.mark.parametrize("text", ["", "cough", "a cough", "…", "咳嗽三天", "\udc80"])
def test_any_text_can_be_signed(text: str) -> None:
    signature = Signer(b"a key").sign(text)
    assert len(signature) == SIGNATURE_BYTES
    assert len(set(Signer(b"a key").bands(signature))) == BANDS
    assert similarities(signature, [signature]) == [1.0]


def test_texts_with_nothing_in_common_are_not_alike() -> None:
    assert estimate(" ".join(text_of(200, 5)), " ".join(text_of(200, 6))) < ALIKE / 4
    assert similarities(b"", []) == []
