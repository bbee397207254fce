"""Ontologies: standard names of cell types, tissues and diseases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cytosol.sdk.sync.http import Http

if TYPE_CHECKING:
    import pandas as pd


class Ontologies:
    """The ontologies that the server ships; ``client.ontologies``.

    Examples
    --------
    >>> client.ontologies.search("CD4 T cells")  # doctest: +SKIP
    >>> client.ontologies.tree("UBERON", root="UBERON:0002048")  # doctest: +SKIP
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def list(self) -> pd.DataFrame:
        """One row an ontology: ``name`` (index), title, kind, version, licence, url, n_terms."""
        import pandas as pd  # half a second to import; not needed to connect

        return pd.DataFrame(list(self._http.pages("ontologies"))).set_index("name")

    def search(self, text: str, *, ontology: str = "CL", limit: int = 20) -> pd.DataFrame:
        """Terms by label, synonym or id, the best first: ``id`` (index), label, synonyms, score (0 to 1)."""
        import pandas as pd  # half a second to import; not needed to connect

        query = {"search": text, "limit": limit}
        found = list(self._http.pages(f"ontologies/{ontology}/terms", **query))
        return pd.DataFrame(found, columns=["id", "label", "synonyms", "score"]).set_index("id")

    def tree(self, ontology: str = "CL", *, root: str = "", depth: int = 1) -> dict[str, Any]:
        """A term with what is below it, down to ``depth`` levels (0 to 3); from the roots on where none is named."""
        found: dict[str, Any] = self._http.get(f"ontologies/{ontology}/tree", root=root or None, depth=depth)
        return found
