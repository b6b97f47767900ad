"""Training rows that say what another one says: what stands there twice is learned twice as well, secrets included.

Of rows that are equal, or almost, the first is kept (Lee et al., "Deduplicating Training Data Makes Language Models
Better", 2022). Records that resemble one another less are not touched: follow-up visits do.
"""

from collections import defaultdict
from collections.abc import Sequence

from jobs.stages.rows import Row
from privacy.minhash import ALIKE, Signer, similarities

ALMOST_EQUAL = 0.95
"""From this estimated share of common three-word runs on, two records are one: a word or a date differs, no more."""
SAME = "the same as another training row"
ALMOST_SAME = "almost the same as another training row"


def without_duplicates(rows: Sequence[Row], set_aside: dict[str, list[str]]) -> list[Row]:
    """``rows`` in their order, less the training rows that repeat an earlier one; those go into ``set_aside``.

    Rows of different sections are different rows. Held-out rows all stay: a score is a mean over the records as
    they come.
    """
    signer = Signer(b"duplicates")
    seen: set[tuple[str, ...]] = set()
    met: defaultdict[tuple[str, int], list[tuple[bytes, bytes]]] = defaultdict(list)
    kept = []
    for row in rows:
        if row["split"] == "train":
            section, source, target = (
                " ".join(row[name].casefold().split()) for name in ("section", "source", "target")
            )
            own = signer.sign(source), signer.sign(target)
            places = [(section, band) for band in signer.bands(own[0])]
            if (section, source, target) in seen:
                set_aside[SAME].append(row["id"])
                continue
            if _resembles(own, {pair for place in places for pair in met.get(place, ())}):
                set_aside[ALMOST_SAME].append(row["id"])
                continue
            seen.add((section, source, target))
            for place in places:
                met[place].append(own)
        kept.append(row)
    return kept


def _resembles(own: tuple[bytes, bytes], others: set[tuple[bytes, bytes]]) -> bool:
    """True when one of ``others`` has almost the same record and a like summary."""
    records, summaries = zip(*others, strict=True) if others else ((), ())
    shares = zip(similarities(own[0], records), similarities(own[1], summaries), strict=True)
    return any(record >= ALMOST_EQUAL and summary >= ALIKE for record, summary in shares)
