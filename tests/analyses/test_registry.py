from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from cytosol.analyses.matrix.filtering import FilterParams
from cytosol.analyses.registry import DEFAULT_ANALYSES, Analysis, AnalysisRegistry
from cytosol.base.errors import InvalidInputError, NotFoundError

REGISTRY = AnalysisRegistry(DEFAULT_ANALYSES)


def test_a_new_registry_is_made_and_a_taken_name_refused() -> None:
    one = AnalysisRegistry().register(DEFAULT_ANALYSES[0])
    two = one.register(DEFAULT_ANALYSES[1])
    assert [len(each.entries()) for each in (AnalysisRegistry(), one, two)] == [0, 1, 2]
    with pytest.raises(InvalidInputError, match=r"two analyses of the name 'filter'.*another name"):
        two.register(DEFAULT_ANALYSES[0])


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(NotFoundError, match=r"'lieden'.*leiden"):
        REGISTRY.get("lieden")


@pytest.mark.parametrize("analysis", DEFAULT_ANALYSES, ids=lambda entry: entry.name)
def test_each_entry_tells_everything(analysis: Analysis) -> None:
    assert re.fullmatch(r"[a-z][a-z-]*", analysis.name)
    assert analysis.title
    assert analysis.version
    assert analysis.cost.endswith(".")
    assert analysis.description.endswith(".")
    assert analysis.reference.startswith("https://")
    for entry in analysis.parameters:
        assert entry.sentence
        assert not entry.sentence.endswith(".")
        if entry.required:
            with pytest.raises(InvalidInputError, match=f"'{entry.name}' is needed"):
                entry.check(entry.default)
        else:
            entry.check(entry.default)
    schema = REGISTRY.schema(analysis.name)
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert schema["additionalProperties"] is False
    for name, entry in schema["properties"].items():
        accepted = {entry["type"]} if isinstance(entry["type"], str) else set(entry["type"])
        assert accepted <= {"number", "integer", "boolean", "string", "array", "object", "null"}, name
        assert entry["description"]
    defaults = analysis.params().to_json()
    shown = {name: entry["default"] for name, entry in schema["properties"].items()}
    assert {name: shown[name] for name in defaults} == defaults
    assert analysis.params.from_json(defaults) == analysis.params()


def test_the_schema_has_units_and_bounds() -> None:
    share = REGISTRY.schema("filter")["properties"]["max_mito_share"]
    assert (share["type"], share["minimum"], share["maximum"], share["x-unit"]) == ("number", 0, 1, "share of 1")
    assert REGISTRY.schema("filter")["properties"]["max_counts"]["type"] == ["number", "null"]
    assert REGISTRY.schema("leiden")["properties"]["resolutions"]["items"]["minimum"] == 0
    assert REGISTRY.schema("neighbors")["properties"]["method"]["enum"] == ["auto", "exact", "hnsw"]
    assert REGISTRY.build("filter", {"min_genes": 200}) == FilterParams(min_genes=200)


def test_the_registry_loads_no_heavy_library() -> None:
    code = "import sys, cytosol.analyses.registry; print(sorted({n.partition('.')[0] for n in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in ("numba", "scranpy", "igraph", "anndata", "scanpy", "sklearn"):
        assert f"'{name}'" not in loaded
