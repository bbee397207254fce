"""Write the generated pages of docs/reference: settings, errors, formats. ``--check`` fails where one is old."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from cytosol.base.errors import CytosolError
from cytosol.base.settings import Settings
from cytosol.formats.registry import DEFAULT_FORMATS

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def settings_page() -> str:
    """One row a setting, from its field."""
    lines = [
        "# Settings",
        "",
        "Each can be given as a flag of `cytosol serve` where one exists, as the environment variable",
        "`CYTOSOL_<NAME>`, or in `cytosol.toml` in the data folder; the first of these that names it wins.",
        "",
        "| setting | default | what it is |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = "the user's data folder" if name == "data" else f"`{field.default!r}`"
        lines.append(f"| `{name}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """One row an error class, from its docstring."""
    lines = [
        "# Errors",
        "",
        "Every error has a stable code and a sentence that says what was wrong, where, and what to do. The native API",
        "sends them as problem+json (RFC 9457); the SDK raises the class of the same name.",
        "",
        "| code | class | meaning |",
        "| --- | --- | --- |",
    ]
    waiting: list[type[CytosolError]] = [CytosolError]
    while waiting:
        cls = waiting.pop(0)
        lines.append(f"| `{cls.code}` | `{cls.__name__}` | {(inspect.getdoc(cls) or '').splitlines()[0]} |")
        waiting = cls.__subclasses__() + waiting
    return "\n".join(lines) + "\n"


FORMATS_HEAD = """# Files that are read

A file is told by its content, not by its name; `format=` declares one. Each is one file, a few files by their
roles, an archive of them (zip, tar, tar.gz; leftovers such as `__MACOSX` and `.DS_Store` are overlooked, and so are
folders around the content), or a folder on a storage, whose files are one original. What goes out:
[exports](exports.md).

- **Values.** `matrix=raw` wants counts: whole numbers from 0. The slot that holds them is found and named in the
  log; the options name another one. `matrix=normalized` takes the main matrix as it is.
- **Feature types.** Genes, antibodies, CRISPR guides, multiplexing tags and others become tables of their own with
  the same cells. Only the first one (the genes) is reduced and clustered. `unit=lognorm` gives ln(1 + 10,000 ×
  count / total of the cell); of antibodies it gives CLR per cell, ln(1 + count / geometric mean of 1 + count), as
  Seurat's `NormalizeData(method = "CLR", margin = 2)`.
- **Batches** are joined over the features that all have, by id where all have unique ones, else by symbol; each has
  an annotation `Batch`. How many features each loses, and some of their names, stand in the log and in the notes.
- **Immune receptors.** The role `contigs` beside any matrix takes V(D)J contigs of Cell Ranger
  (`filtered_contig_annotations.csv`) or AIRR rearrangements (`airr_rearrangement.tsv`), plain or gzipped.
  Productive chains of cells become `Clonotype`, `Clone size` (cells of the file that have it), `Chains` and, for
  each locus, `TRB CDR3` …: the amino acids of the chain with the most UMIs. A file without clonotypes gets them
  from equal chains. Of several batches the clonotypes have the name of the batch in front. To a table that is
  there: `table.annotate_from_file(path)`, and `submit_metadata_from_s3` of the BioTuring clients.
- **Everything else** that an AnnData file holds (layers, graphs, loadings, `raw`, `uns`, exact types of columns) is
  kept beside the table for [exports](exports.md). Only numbers and text are kept, never pickled objects; a part that
  is damaged, claims far more than the file holds, or has more than 32 levels is left out with a note.
- **Names** that occur twice get `-1`, `-2` …, which the log says. Columns that cannot be read are left out with a
  note.
- **Refused**, with what is wrong, where and what to do, and nothing left behind: files that are damaged, cut short
  or of another kind; matrices whose features or barcodes do not count the same; negative, missing or infinite
  counts; log-normalised values that are given as raw; a slot that is not there; files without a matrix; archives
  that unpack to far more than their size or whose paths lead out of them; filters that no cell passes.
"""


def formats_page() -> str:
    """One section a format, from the registry."""
    lines = [
        FORMATS_HEAD,
        "| format | names | roles | options | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for entry in DEFAULT_FORMATS:
        names = " ".join(f"`{suffix}`" for suffix in entry.suffixes) or "–"
        roles = "; ".join(f"`{role}`: {what}" for role, what in entry.roles.items())
        options = "; ".join(f"`{option.name}`: {option.description}" for option in entry.options) or "–"
        said = entry.description if entry.reads else f"{entry.description} {entry.instead}."
        said += f" For example {entry.example}."
        lines.append(f"| **{entry.title}** `{entry.name}` | {names} | {roles} | {options} | {said} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    for name, text in (("settings.md", settings_page()), ("errors.md", errors_page()), ("formats.md", formats_page())):
        path = REFERENCE / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"out of date: {', '.join(stale)}; run scripts/make_reference.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
