"""Formulas of tables of statistics: which populations and channels of a study their names are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from cytosol.analyses.cytometry.formulas import Formula, Term, fail, parse_formula
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.gating_state import GatingState
from cytosol.catalog.populations import unique_names
from cytosol.catalog.tables import Pinned
from cytosol.model.panels import REAGENT, carrier, same_reagent

PARENT, GRANDPARENT, TOTAL = "parent", "grandparent", "total"
UNGATED = "Ungated"
MAX_FORMULAS = 100
_MAX_NAME = 255
_ALL = (UNGATED, "all")
_OTHER_COLUMNS = (
    "dataset_id", "dataset", "population_id", "population", "unique_name", "parent_id", "parent", "percent_of_id",
    "percent_of", "percent_of_unique_name", "axis", "channel", "reagent", "statistic", "value", "note",
)  # fmt: skip


def read_formulas(said: Mapping[str, str], taken: tuple[str, ...]) -> dict[str, Formula]:
    """Formulas by the names of their columns.

    Parameters
    ----------
    taken : further names that cannot be given to one

    Raises
    ------
    InvalidInputError
        Where one cannot be read, or its name is taken or empty.
    """
    if len(said) > MAX_FORMULAS:
        raise InvalidInputError(
            f"{len(said):,} formulas are too many", where="formulas", do=f"Ask for at most {MAX_FORMULAS}"
        )
    for name in said:
        if not name.strip() or len(name) > _MAX_NAME or "|" in name or name.startswith("annotation:"):
            raise InvalidInputError(
                f"'{name[:64]}' cannot be the name of a formula", where="formulas", do="Use up to 255 letters without |"
            )
        if name in (*taken, *_OTHER_COLUMNS):
            raise InvalidInputError(
                f"'{name}' is another column of the table", where="formulas", do="Call the formula something else"
            )
    return {name: parse_formula(text, where=f"formula '{name}'") for name, text in said.items()}


class Formulas:
    """The formulas of a table, whose populations are found.

    Attributes
    ----------
    parsed : by the names of their columns
    of_datasets : names of those that name the population of each statistic, so that all rows of a dataset agree

    Raises
    ------
    InvalidInputError
        Where one names a population that is not there, or not one alone.
    """

    def __init__(self, parsed: Mapping[str, Formula], state: GatingState) -> None:
        self.parsed = dict(parsed)
        self.of_datasets = frozenset(
            name for name, formula in parsed.items() if all(term.population for term in formula.terms)
        )
        self._state = state
        self._terms = list(dict.fromkeys(term for formula in parsed.values() for term in formula.terms))
        named = _named(state)
        self._ids: dict[str, Key | None] = {}
        for name, formula in parsed.items():
            for term in formula.terms:
                for text in (term.population, "" if term.of in (PARENT, GRANDPARENT, TOTAL) else term.of):
                    if text:
                        self._ids[text] = _population(text, named, where=f"formula '{name}'", at=term.at)

    def population(self, term: Term, id: Key | None) -> Key | None:
        """The population of a statistic in the row of a population; None = all cells."""
        return self._ids[term.population] if term.population else id

    def reference(self, term: Term, id: Key | None) -> Key | None:
        """The population that a percentage is of."""
        own = self.population(term, id)
        return reference_of(term.of or PARENT, own, self._state) if term.of not in self._ids else self._ids[term.of]

    def needed(self, id: Key | None) -> list[Key | None]:
        """The populations that the row of one needs, besides itself."""
        found = [self.population(term, id) for term in self._terms]
        return found + [self.reference(term, id) for term in self._terms if term.statistic == "percent"]

    def axes(self, pinned: Pinned) -> dict[str, str]:
        """Channels as formulas call them → feature references of a dataset."""
        return {term.axis: axis_of(term.axis, pinned) for term in self._terms if term.axis}

    def compute(self, value: Callable[[Term], float | None]) -> dict[str, float | None]:
        """All formulas; ``value`` gives the number of a statistic, None = it has none."""
        numbers = {term: value(term) for term in self._terms}
        return {name: formula.compute(numbers.__getitem__) for name, formula in self.parsed.items()}


def reference_of(of: str, id: Key | None, state: GatingState) -> Key | None:
    """The parent, grandparent or whole of a population; None = all cells."""
    if of == TOTAL:
        return None
    for _ in range({PARENT: 1, GRANDPARENT: 2}[of]):
        population = None if id is None else state.populations.get(id)
        id = None if population is None else population.parent_id
    return id


def axis_of(name: str, pinned: Pinned) -> str:
    """The feature reference that a name stands for: itself, a channel, a reagent of the panel, else a feature."""
    if name.partition(":")[0] in ("var", "obs", "obsm", "reagent") and ":" in name:
        return name
    panel = pinned.dataset.panel or ()
    is_channel = any(entry["channel"] == name for entry in panel)
    return f"var:{name}" if is_channel or not carrier(panel, name).among else same_reagent(REAGENT + name, (), panel)


def _named(state: GatingState) -> dict[str, set[Key | None]]:
    """Populations by id, name and unique name; a unique name goes before a name that others have too."""
    found: dict[str, set[Key | None]] = defaultdict(set)
    unique = unique_names(state.populations.values())
    for id, one in state.populations.items():
        found[id.hex24].add(id)
        found[one.name].add(id)
    found |= {name: {id} for id, name in unique.items()}
    for name in _ALL:
        found.setdefault(name, {None})
    return found


def _population(text: str, named: Mapping[str, set[Key | None]], *, where: str, at: int) -> Key | None:
    ids = named.get(text, set())
    if not ids:
        fail(where, at, f"no population is called '{text[:64]}'; it is named", "Name a population of the study")
    if len(ids) > 1:
        do = "Give its unique name, such as 'T cells > CD4', or its id"
        fail(where, at, f"{len(ids)} populations are called '{text[:64]}'; they are named", do)
    return next(iter(ids))
