"""Which features are mitochondrial genes: by symbol, with the spelling of each species, or by stable id."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_PREFIX = {
    "human": re.compile(r"^(?:[A-Za-z0-9.]+_+)?MT-"),
    "mouse": re.compile(r"^(?:[A-Za-z0-9.]+_+)?mt-"),
    "rat": re.compile(r"^(?:[A-Za-z0-9.]+_+)?Mt-"),
    "fly": re.compile(r"^mt:"),
}
_ANY_PREFIX = re.compile(r"^(?:[A-Za-z0-9.]+_+)?mt[-:]", re.IGNORECASE)
_BARE = frozenset(
    "ND1 ND2 ND3 ND4 ND4L ND5 ND6 COX1 COX2 COX3 CO1 CO2 CO3 COI COII COIII CYTB ATP6 ATP8 RNR1 RNR2".split()
)
_WORM = frozenset("nduo-1 nduo-2 nduo-3 nduo-4 nduo-5 nduo-6 ndfl-4 ctc-1 ctc-2 ctc-3 ctb-1 atp-6".split())
_SPECIES = {
    "human": "human", "homo sapiens": "human", "mouse": "mouse", "mus musculus": "mouse", "rat": "rat",
    "rattus norvegicus": "rat", "fly": "fly", "drosophila melanogaster": "fly", "worm": "worm",
    "caenorhabditis elegans": "worm",
}  # fmt: skip
_IDS = {
    "ENSG": (11, """198888 198763 198804 198712 228253 198899 198938 198840 212907 198886 198786 198695 198727 211459
        210082 210049 210077 209082 210100 210107 210112 210117 210127 210135 210140 210144 210151 210154 210156 210164
        210174 210176 210184 210191 210194 210195 210196"""),
    "ENSMUSG": (11, "64336-64372 65947"),
    "ENSRNOG": (11, "30644 31033 34234 30371 33299 31979 30700 33615 31053 29707 29971 29042 31766 43866 30478"),
    "ENSMMUG": (11, "28668-28704"),
    "FBgn": (7, "13672-13676 13678-13681 13683-13686 13688 262952"),
}  # fmt: skip
"""Digits, and numbers or ranges of numbers, of the stable ids of human, mouse, rat, rhesus monkey and fly."""


def _spell_out() -> frozenset[str]:
    found = []
    for prefix, (digits, text) in _IDS.items():
        for part in text.split():
            first, _, last = part.partition("-")
            found += [f"{prefix}{number:0{digits}d}" for number in range(int(first), int(last or first) + 1)]
    return frozenset(found)


STABLE_IDS = _spell_out()
"""Ensembl and FlyBase ids of mitochondrial genes; those that are in the annotation, tRNA and rRNA included."""


def mito_features(symbols: Sequence[str], species: str = "", ids: Sequence[str] | None = None) -> np.ndarray:
    """Find mitochondrial genes by their symbols or their stable ids.

    Parameters
    ----------
    symbols : one gene symbol a feature
    ids : one stable id a feature, "" where unknown, a version after a dot allowed; None = none are known. Symbols that
        are stable ids are recognised too
    species : for example "human", "Mus musculus"; "" or any other name = the general rule

    Returns
    -------
    shape (n_features,), bool

    Notes
    -----
    Human: 'MT-' in capitals (so neither MTOR nor MT1X). Mouse: 'mt-'. Rat: 'Mt-'. Fly: 'mt:'. Worm: the twelve
    names nduo-1 … ctb-1. Elsewhere: 'mt-' or 'mt:' in any case, and the bare names that Ensembl gives to other
    vertebrates (ND1, COX1, CYTB, ATP6 …). A genome in front, as in 'GRCh38_MT-ND1', is allowed.
    """
    named = _by_symbol(symbols, species)
    for names in (symbols, ids or ()):
        named[: len(names)] |= np.fromiter((name.partition(".")[0] in STABLE_IDS for name in names), bool, len(names))
    return named


def _by_symbol(symbols: Sequence[str], species: str) -> np.ndarray:
    kind = _SPECIES.get(species.strip().lower(), "other")
    if kind == "worm":
        return np.fromiter((s in _WORM for s in symbols), bool, len(symbols))
    rule = _PREFIX.get(kind)
    if rule is not None:
        return np.fromiter((rule.match(s) is not None for s in symbols), bool, len(symbols))
    found = (s in _BARE or _ANY_PREFIX.match(s) is not None for s in symbols)
    return np.fromiter(found, bool, len(symbols))
