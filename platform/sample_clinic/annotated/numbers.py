"""Numbers and codes that identify, in the shapes offices give them."""

import re
from random import Random

_LETTERS, _DIGITS = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"
_ID_SHAPES = (
    "#######", "########", "######", "##########", "@@######", "@#######", "@@@-######", "MRN-#######", "##-##-##", "###-###-###", "@###-####-####",
    "@@-####-@", "####-####", "A#########", "#@##-@@#-@@##", "GRP-#####", "INS#######", "SN-@@####", "###@@###", "@@@#########", "#### #### #### ####",
    "################", "GB##@@@@##############", "DE####################", "#-###-####", "CASE-20##-####", "@@####@@##",
)  # fmt: skip
_PHONE_SHAPES = (
    "(###) ###-####", "###-###-####", "###.###.####", "+1-###-###-####", "##########", "###-####", "1-800-###-####", "+44 #### ######", "0## ### ## ##",
    "+49 ### #######", "(0##) #### ####", "+33 # ## ## ## ##", "###-###-#### ext. ####", "### ### ####", "001-###-###-####x###", "0#-########",
)  # fmt: skip
_DOMAINS = (
    "gmail.com",
    "yahoo.com",
    "outlook.com",
    "hotmail.com",
    "aol.com",
    "icloud.com",
    "proton.me",
    "mail.org",
)
_ENDS = ("com", "org", "net", "health", "io", "co.uk", "edu", "info", "de", "fr")


def pattern(rng: Random, shape: str) -> str:
    """``#`` becomes a digit, ``@`` a capital letter."""
    return re.sub(r"[#@]", lambda match: rng.choice(_DIGITS if match[0] == "#" else _LETTERS), shape)


def identifier(rng: Random) -> str:
    return pattern(rng, rng.choice(_ID_SHAPES))


def phone(rng: Random) -> str:
    return pattern(rng, rng.choice(_PHONE_SHAPES))


def zip_code(rng: Random) -> str:
    return pattern(
        rng, rng.choices(("#####", "#####-####", "####", "@@# #@@", "@#@ #@#"), (80, 6, 6, 4, 4))[0]
    )


def email(rng: Random, first: str, last: str) -> str:
    local = rng.choice(
        (
            f"{first}.{last}",
            f"{first}{last}",
            f"{first[:1]}{last}",
            f"{first}{rng.randrange(1, 99)}",
            f"{first}_{last}",
        )
    )
    return f"{_ascii(local)}@{rng.choice((*_DOMAINS, f'{_ascii(last)}.{rng.choice(_ENDS)}'))}"


def user_name(rng: Random, first: str, last: str) -> str:
    return _ascii(
        rng.choice(
            (
                f"{first}{rng.randrange(10, 2000)}",
                f"{first[:1]}{last}{rng.randrange(1, 99)}",
                f"{last}_{first[:1]}",
            )
        )
    )


def url(rng: Random, word: str) -> str:
    head = rng.choice(("https://www.", "http://", "www.", "https://", ""))
    return f"{head}{_ascii(word)}.{rng.choice(_ENDS)}{rng.choice(('', '', f'/{_ascii(word)[:4]}', '/patients/' + str(rng.randrange(100, 99999))))}"


def file_name(rng: Random) -> str:
    return f"{rng.choice(('IMG', 'DSC', 'photo', 'scan', 'face'))}_{rng.randrange(1000, 999999)}.{rng.choice(('jpg', 'png', 'jpeg', 'heic'))}"


def _ascii(word: str) -> str:
    return re.sub(r"[^a-z0-9._]", "", word) or "mail"


def spoken(rng: Random) -> str:
    """Five to ten digits as they are said: "five oh three, four four one nine"."""
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    digits = [
        rng.choice(words) if rng.random() > 0.08 else "oh" for _ in range(rng.choice((5, 6, 7, 7, 9, 10, 10)))
    ]
    joint = rng.choice((" ", " ", ", ", "-"))
    if rng.random() < 0.5:
        return joint.join(digits)
    return rng.choice((", ", " ", " - ")).join(" ".join(digits[i : i + 3]) for i in range(0, len(digits), 3))
