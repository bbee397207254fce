"""The ontologies that the package ships: their terms, how they hang together, and a search by name.

A file holds a term a line; it is read on the first use of its ontology, which takes 20 to 200 ms, and its words are
indexed on the first search. Then a search takes about a millisecond.
"""

from __future__ import annotations

import lzma
import re
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np

from cytosol.base.errors import NotFoundError

_WORD = re.compile(r"[^\W_]+\+?")
_SIGN = re.compile(r"\b([^\W_]+)(?:-| )(positive|pos|negative|neg)\b|\b([^\W_]*\d)-(?=$|[\s/,;)])")
_SYNONYM = 0.97
_PREFIX = 0.8
_MIN_PREFIX = 3
GOOD = 0.5
"""From this score on a match is worth suggesting."""


@dataclass(frozen=True, slots=True)
class OntologyInfo:
    """An ontology that is shipped.

    Attributes
    ----------
    name : also the prefix of its ids
    kind : what its terms are of: cell type, tissue, disease, development stage
    """

    name: str
    title: str
    kind: str
    version: str
    licence: str
    url: str


ONTOLOGIES = (
    OntologyInfo("CL", "Cell Ontology", "cell type", "2026-03-26", "CC BY 4.0", "https://obofoundry.org/ontology/cl"),
    OntologyInfo("UBERON", "Uberon", "tissue", "2026-04-01", "CC BY 3.0", "https://obofoundry.org/ontology/uberon"),
    OntologyInfo(
        "MONDO", "Mondo Disease Ontology", "disease", "2026-05-05", "CC BY 4.0", "https://obofoundry.org/ontology/mondo"
    ),
    OntologyInfo(
        "HsapDv",
        "Human Developmental Stages",
        "development stage",
        "2025-01-23",
        "CC BY 3.0",
        "https://obofoundry.org/ontology/hsapdv",
    ),
)
_ALSO = {"PATO": "MONDO"}
"""Prefixes of single terms that an ontology takes from another one: PATO's 'normal' stands for no disease."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term; ``is_group`` marks those that divide an ontology into parts that people choose from."""

    id: str
    label: str
    synonyms: tuple[str, ...]
    parents: tuple[str, ...]
    is_group: bool


@dataclass(frozen=True, slots=True)
class TermHit:
    """A term that fits a text, from 0 (nothing in common) to 1 (the same words)."""

    term: Term
    score: float


class Ontology:
    """The terms of one ontology.

    Parameters
    ----------
    text : lines of id, label, parents, synonyms and mark, separated by tabs; see ``scripts/make_ontologies.py``
    """

    def __init__(self, info: OntologyInfo, text: str) -> None:
        self.info = info
        self.terms: dict[str, Term] = {}
        self.replaced: dict[str, str] = {}
        for line in text.splitlines()[1:]:
            id, label, parents, synonyms, mark = line.split("\t")
            if not label:
                self.replaced[id] = mark
                continue
            names = tuple(synonyms.split("|")) if synonyms else ()
            self.terms[id] = Term(id, label, names, tuple(parents.split()), mark == "group")
        self._lock = threading.Lock()
        self._words: _Words | None = None

    def term(self, id: str) -> Term:
        """The term with this id, or the one that replaced it.

        Raises
        ------
        NotFoundError
            Where there is none.
        """
        found = self.terms.get(self.replaced.get(id, id))
        if found is None:
            raise NotFoundError(
                f"{self.info.title} has no term '{id[:64]}' here",
                do="Search for it by name; ids look like " + next(iter(self.terms)),
            )
        return found

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """What is directly below each term, by label."""
        found: dict[str, list[str]] = {}
        for id, term in self.terms.items():
            for parent in term.parents:
                found.setdefault(parent, []).append(id)
        return {id: tuple(sorted(below, key=self.label)) for id, below in found.items()}

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The terms with nothing above them."""
        return tuple(sorted((id for id, term in self.terms.items() if not term.parents), key=self.label))

    def label(self, id: str) -> str:
        """The name of a term."""
        return self.terms[id].label

    def ancestors(self, id: str) -> list[str]:
        """All terms above one, the nearest first, without itself."""
        return list(_walk(self.term(id).id, lambda known: self.terms[known].parents))[1:]

    def descendants(self, id: str) -> list[str]:
        """A term and all below it, the nearest first."""
        return list(_walk(self.term(id).id, lambda known: self.children.get(known, ())))

    def group_of(self, id: str) -> str | None:
        """The nearest group above a term or the term itself; None where there is none."""
        for known in _walk(self.term(id).id, lambda known: self.terms[known].parents):
            if self.terms[known].is_group:
                return known
        return None

    def search(self, text: str, *, limit: int = 20, prefix: bool = True) -> list[TermHit]:
        """Terms by label, synonym or id, the best first.

        Parameters
        ----------
        prefix : whether the last word may be the beginning of one, as while somebody types

        Notes
        -----
        The score is the Dice coefficient of the words in common, each weighted by how rare it is (ln(1 + names / names
        with the word)); a synonym counts 0.97 of a label, the beginning of a word 0.8 of the word.
        """
        exact = self.terms.get(self.replaced.get(text.strip(), text.strip()))
        if exact is not None:
            return [TermHit(exact, 1.0)]
        wanted = list(dict.fromkeys(words_of(text)))
        if not wanted or limit < 1:
            return []
        with self._lock:
            if self._words is None:
                self._words = _Words(self.terms.values())
        places, scores = self._words.search(wanted, prefix=prefix)
        ids = self._words.ids
        best = sorted(zip(scores.tolist(), places.tolist(), strict=True), reverse=True)[: 4 * limit]
        hits = [TermHit(self.terms[ids[place]], round(min(1.0, score), 4)) for score, place in best]
        return sorted(hits, key=lambda hit: (-hit.score, len(hit.term.label), hit.term.id))[:limit]


class _Words:
    """Which names hold which words."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.ids: list[str] = []
        names: list[str] = []
        owners: list[int] = []
        factors: list[float] = []
        known: dict[str, str] = {}
        holding: dict[str, list[int]] = {}
        for place, term in enumerate(terms):
            self.ids.append(term.id)
            names += (term.label, *term.synonyms)
            owners += [place] * (1 + len(term.synonyms))
            factors += [1.0] + [_SYNONYM] * len(term.synonyms)
        plain = _SIGN.sub(_signed, "\n".join(names).casefold()).split("\n")  # at once, which is much faster
        for number, name in enumerate(plain):
            for word in {known.get(word) or known.setdefault(word, _singular(word)) for word in _WORD.findall(name)}:
                holding.setdefault(word, []).append(number)
        self._owners = np.array(owners, np.int64)
        self._factors = np.array(factors)
        self._holding = {word: np.array(places, np.int64) for word, places in holding.items()}
        self._sorted = sorted(self._holding)
        self._sums = np.zeros(len(owners))
        for word, places in self._holding.items():
            self._sums[places] += self._weight(word)

    def _weight(self, word: str) -> float:
        return float(np.log1p(len(self._factors) / max(1, len(self._holding.get(word, ())))))

    def search(self, wanted: Sequence[str], *, prefix: bool) -> tuple[np.ndarray, np.ndarray]:
        """Places of terms with a word in common, and their scores."""
        shared = np.zeros(len(self._factors))
        for number, word in enumerate(wanted):
            weight = self._weight(word)
            gained = np.zeros(len(self._factors)) if prefix and number == len(wanted) - 1 else None
            if gained is not None and len(word) >= _MIN_PREFIX:
                for longer in self._beginning_with(word):
                    gained[self._holding[longer]] = _PREFIX * weight
            if word in self._holding:
                (shared if gained is None else gained)[self._holding[word]] += weight
            if gained is not None:
                shared += np.minimum(gained, weight)
        names = np.flatnonzero(shared)
        total = sum(self._weight(word) for word in wanted)
        scores = self._factors[names] * 2 * shared[names] / (total + np.maximum(self._sums[names], shared[names]))
        best = np.zeros(len(self.ids))
        np.maximum.at(best, self._owners[names], scores)
        places = np.flatnonzero(best)
        return places, best[places]

    def _beginning_with(self, word: str) -> list[str]:
        first = bisect_left(self._sorted, word)
        last = bisect_left(self._sorted, word + "\uffff")
        return [longer for longer in self._sorted[first:last] if longer != word]


def words_of(text: str) -> list[str]:
    """The words of a name in one spelling: small letters, singular, 'CD4-positive' and 'CD4 pos' as 'cd4+'.

    A marker that is said to be absent is a word of its own, 'cd4neg', so that it fits no name that says it is there.
    """
    return [_singular(word) for word in _WORD.findall(_SIGN.sub(_signed, text.casefold()))]


def _singular(word: str) -> str:
    plural = len(word) > _MIN_PREFIX and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def _signed(match: re.Match[str]) -> str:
    if match[3]:
        return f"{match[3]}neg"
    return f"{match[1]}+" if match[2].startswith("pos") else f"{match[1]}neg"


def _walk(start: str, onward: Callable[[str], Sequence[str]]) -> Iterable[str]:
    """A term and what is reached from it, the nearest first, each once."""
    seen, waiting = {start}, deque([start])
    while waiting:
        id = waiting.popleft()
        yield id
        for other in onward(id):
            if other not in seen:
                seen.add(other)
                waiting.append(other)


@cache
def load_ontology(name: str) -> Ontology:
    """A shipped ontology by name, read once.

    Raises
    ------
    NotFoundError
        Where none has this name.
    """
    for info in ONTOLOGIES:
        if info.name == name:
            data = files("cytosol.reference").joinpath("data", f"{name}.tsv.xz").read_bytes()
            return Ontology(info, lzma.decompress(data).decode())
    known = ", ".join(info.name for info in ONTOLOGIES)
    raise NotFoundError(f"There is no ontology '{name[:64]}'", do=f"There are: {known}")


def ontology_of(id: str) -> Ontology | None:
    """The ontology that has a term with this id, or the one that replaced it; None where none has."""
    prefix = id.partition(":")[0]
    name = _ALSO.get(prefix, prefix)
    if not any(info.name == name for info in ONTOLOGIES):
        return None
    found = load_ontology(name)
    return found if found.replaced.get(id, id) in found.terms else None


def find_term(id: str) -> tuple[Ontology, Term] | None:
    """A term by id, whatever its ontology; None where it is not shipped."""
    found = ontology_of(id)
    return None if found is None else (found, found.term(id))


def expand(id: str) -> frozenset[str]:
    """The ids of a term and of all below it; of one that is not shipped, itself."""
    found = ontology_of(id)
    return frozenset((id,)) if found is None else frozenset(found.descendants(id))
