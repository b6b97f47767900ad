"""Check digits that tell a real identifier from a number that only looks like one."""

_VIN_VALUES = {c: int(v) for c, v in zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True)}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def luhn(number: str) -> bool:
    """Payment cards (ISO/IEC 7812). Anything but digits is skipped."""
    digits = [int(c) for c in number if c.isdigit()]
    doubled = [sum(divmod(2 * d, 10)) for d in digits[-2::-2]]
    return len(digits) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def npi(number: str) -> bool:
    """National Provider Identifier: ten digits, Luhn with the prefix 80840 (45 CFR 162.406)."""
    return len(number) == 10 and luhn("80840" + number)


def dea(number: str) -> bool:
    """DEA registration: two letters and seven digits; d1+d3+d5 + 2(d2+d4+d6) ends in d7."""
    digits = [int(c) for c in number[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def vin(number: str) -> bool:
    """Vehicle identification number: 17 characters, the ninth a check digit (49 CFR 565.15)."""
    values = [int(c) if c.isdigit() else _VIN_VALUES[c] for c in number.upper()]
    remainder = sum(v * w for v, w in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return number[8].upper() == ("X" if remainder == 10 else str(remainder))


def iban(number: str) -> bool:
    """International bank account number (ISO 13616): the rearranged number is 1 modulo 97."""
    compact = "".join(number.split()).upper()
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1
