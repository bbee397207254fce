"""The registry: choice by suffix, priority and content; what must be read and what must be refused; archives."""

from __future__ import annotations

import bz2
import gzip
import io
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cytosol.base.errors import (
    CytosolError,
    InvalidInputError,
    LimitExceededError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from cytosol.formats.archive import ArchiveLimits, assign_roles
from cytosol.formats.files import BytesSource, FileSource
from cytosol.formats.registry import DEFAULT_FORMATS, DEFAULT_REGISTRY, FormatRegistry, open_table
from cytosol.formats.sniff import read_head
from cytosol.formats.table import split_feature_types
from tests.formats.samples import (
    DEMO,
    counts,
    delimited_text,
    market_text,
    open_path,
    open_text,
    symbols,
    triplet,
    whole,
    write_tenx_v3,
)

READ = {"h5ad", "tenx-h5", "tenx-mtx", "delimited", "loom", "h5mu", "rds", "bcs", "xlsx"}
READ |= {"zarr", "tiledb-soma", "processed-folder", "bbrowser", "fcs"}


class Lines:
    """A report that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str, *, level: str = "info") -> None:
        self.lines.append(text)

    def progress(self, fraction: float, step: str = "") -> None:
        self.lines.append(f"{fraction} {step}")


def test_every_entry_says_what_it_is() -> None:
    for entry in DEFAULT_REGISTRY:
        assert entry.title
        assert entry.description.endswith(".")
        assert entry.example
        assert "matrix" in entry.roles
        assert entry.reads or entry.instead
    assert {entry.name for entry in DEFAULT_REGISTRY if entry.reads} == READ


def test_register_gives_a_new_registry_and_refuses_a_taken_name() -> None:
    extra = replace(DEFAULT_FORMATS[0], name="mine")
    grown = DEFAULT_REGISTRY.register(extra)
    assert grown.get("mine") is extra
    with pytest.raises(UnsupportedFormatError, match=r"no format 'mine'.*Name one of: h5ad"):
        DEFAULT_REGISTRY.get("mine")
    with pytest.raises(InvalidInputError, match=r"'mine' is taken.*another name"):
        grown.register(extra)


def test_known_formats_that_are_not_read_say_so() -> None:
    name = "h5seurat"
    with pytest.raises(UnsupportedFormatError, match="not read by this version") as caught:
        open_text("anything", "study", format=name)
    assert DEFAULT_REGISTRY.get(name).title in caught.value.what
    assert caught.value.details["format"] == name
    assert caught.value.do


def test_content_decides_whatever_the_name(tmp_path: Path) -> None:
    matrix = counts()
    for name in ("m.h5", "m.hdf5", "m.h5ad", "m.bin", "m"):
        assert np.array_equal(whole(open_path(write_tenx_v3(tmp_path / name, matrix))), matrix)
    assert "name says AnnData, but the content is 10x HDF5" in open_path(tmp_path / "m.h5ad").notes[0]
    assert open_path(tmp_path / "m.h5").notes == []
    text = delimited_text(matrix, genes_in_rows=True)
    for name in ("m.tsv", "m.csv", "m.txt.gz", "m", "m.dat"):
        assert np.array_equal(whole(open_text(text, name)), matrix)
    assert np.array_equal(whole(open_table({**triplet(matrix), "features": triplet(matrix)["features"]})), matrix)


def test_a_declared_format_must_fit() -> None:
    text = delimited_text(counts(), genes_in_rows=True)
    for name in ("h5ad", "tenx-h5", "tenx-mtx"):
        with pytest.raises(UnreadableFileError, match=rf"The file is text, not .*\({name}\)"):
            open_text(text, "m.tsv", format=name)


def test_notes_reach_the_report() -> None:
    lines = Lines()
    open_text(delimited_text(counts(), genes_in_rows=True), report=lines)
    assert "genes x cells" in lines.lines[0]


def test_wrong_calls() -> None:
    with pytest.raises(InvalidInputError, match="raw or normalized"):
        open_text("x", matrix="logged")
    with pytest.raises(InvalidInputError, match="No matrix file"):
        open_table({})
    with pytest.raises(InvalidInputError, match="is one file"):
        open_table({"matrix": FileSource(DEMO / "pbmc8k_2700.h5"), "barcodes": BytesSource("b", b"x")})


def _hdf5(fill: Callable[[h5py.File], Any]) -> bytes:
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        fill(file)
    return target.getvalue()


def _zip(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return target.getvalue()


H5 = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.h5ad", b"gene\tA\nACTB\t1\n", "is text, not AnnData as its name says"),
        ("a.h5", b"gene\tA\nACTB\t1\n", "is text, not AnnData as its name says"),
        ("a.h5ad", b"", "empty"),
        ("a.tsv", b"", "empty"),
        ("a.tsv.gz", gzip.compress(b"", mtime=0), "kind that is not known"),
        ("a.tsv.gz", b"\x1f\x8b\x08junkjunkjunk", "not known|damaged"),
        ("a.h5ad", H5, "damaged"),
        ("a.h5ad", H5 + bytes(2000), "damaged"),
        ("a.h5ad", _hdf5(lambda file: file.create_group("x")), "HDF5 file without a known layout"),
        ("a.h5", _hdf5(lambda file: file.create_dataset("barcode_idx", data=[1])), "molecule_info"),
        ("a.h5mu", _hdf5(lambda file: file.create_group("mod") and file.create_group("obs")), "MuData"),
        ("a.h5", _hdf5(lambda file: file.create_group("row_attrs") and file.create_group("col_attrs")), "Loom"),
        ("a.h5", _hdf5(lambda file: file.create_group("matrix")), "lacks barcodes"),
        ("a.csv", b"<!DOCTYPE html><html>Sign in</html>", "web page"),
        ("a.csv", bytes(range(256)), "not known"),
        ("a.fcs", b"FCS3.1          58", "TEXT runs from byte 58"),
        ("a.zip", b"PK\x03\x04broken", "zip archive is damaged"),
        ("a.zip", _zip(readme=b"hello"), "no matrix among the files"),
        ("a.xlsx", _zip(xl__workbook_xml=b"") .replace(b"workbook_xml", b"workbook.xml"), "Excel"),
        ("a.rds", gzip.compress(b"X\n\x00\x00\x00\x03more", mtime=0), "R data"),
        ("a.tsv.bz2", b"BZh9broken", "bzip2 file is damaged"),
        ("a.tsv.zst", b"\x28\xb5\x2f\xfdxxxx", "not known"),
    ],
)  # fmt: skip
def test_must_refuse(name: str, content: bytes, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        whole(open_text(content, name))
    assert name in caught.value.where


def test_packed_text_other_than_gzip_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="text, packed with bzip2, which is not unpacked"):
        whole(open_text(bz2.compress(delimited_text(counts(), genes_in_rows=True).encode()), "a.tsv.bz2"))


def tar_of(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of this test's own: in the machine's, servers of other tests come and go."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def scratch() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("cytosol-*"))


def test_archives_of_a_triplet() -> None:
    matrix = counts()
    members = {f"run/{source.name}": source.content for source in triplet(matrix, packed=True).values()}
    members |= {"run/._matrix.mtx.gz": b"junk", "run/.DS_Store": b"junk", "__MACOSX/run/matrix.mtx": b"%%MatrixMarket"}
    before = scratch()
    for name, content in (
        ("a.tar.gz", tar_of(members)),
        ("a.tar", tar_of(members, "w")),
        ("a.zip", _zip(**{key.replace("/", "__"): value for key, value in members.items() if "MACOSX" not in key})),
    ):
        table = open_text(content, name)
        assert np.array_equal(whole(table), matrix)
        table.close()
    assert scratch() == before


def test_archives_with_several_matrices_or_links_are_refused() -> None:
    parts = triplet(counts())
    twice = {f"{folder}/{source.name}": source.content for folder in ("a", "b") for source in parts.values()}
    before = scratch()
    with pytest.raises(InvalidInputError, match=r"There are 2 matrices: .*a/matrix.mtx, .*b/matrix.mtx"):
        open_text(tar_of(twice), "a.tar.gz")
    with pytest.raises(InvalidInputError, match=r"list of barcodes.*cannot be told"):
        open_text(
            tar_of({name: text for name, text in twice.items() if name[0] == "a" and "barc" not in name}), "a.tar.gz"
        )
    with pytest.raises(UnreadableFileError, match="damaged"):
        open_text(tar_of(twice)[:-100], "a.tar.gz")
    assert scratch() == before


def test_limits_of_archives() -> None:
    bomb = _zip(**{"a.tsv": bytes(400 << 20)})
    with pytest.raises(LimitExceededError, match="max_decompression_ratio"):
        open_text(bomb, "a.zip", registry=FormatRegistry(limits=ArchiveLimits(max_decompression_ratio=2)))
    many = tar_of({f"{number}.txt": b"x" for number in range(20)})
    with pytest.raises(LimitExceededError, match="max_archive_paths"):
        open_text(many, "a.tar.gz", registry=FormatRegistry(limits=ArchiveLimits(max_archive_paths=10)))


def test_roles_under_odd_names() -> None:
    files = triplet(counts())
    named = [
        BytesSource("x/data_1matrix.mtx", files["matrix"].content),
        BytesSource("x/data_1cells.csv", files["barcodes"].content),
        BytesSource("x/data_1.tsv", files["features"].content),
        BytesSource("x/notes.md", b"hello"),
    ]
    roles = assign_roles(named)
    assert {role: source.name for role, source in roles.items()} == {
        "matrix": "x/data_1matrix.mtx",
        "barcodes": "x/data_1cells.csv",
        "features": "x/data_1.tsv",
    }
    assert np.array_equal(whole(open_table(roles)), counts())


MUST_READ: list[tuple[str, str, tuple[int, int], float, int]] = [
    ("h5ad/pbmc68k_reduced.h5ad", "normalized", (700, 765), -243.681, 535_433),
    ("h5ad/pbmc_small.h5ad", "normalized", (80, 20), 0, 1600),
    ("h5ad/anndata_v0.7.8_adata.h5ad", "raw", (30, 40), 568, 453),
    ("h5ad/cellxgene_schema_example_valid.h5ad", "raw", (2, 7), 49, 13),
    ("h5ad/scimap_exemplar001_cycif.h5ad", "normalized", (3029, 33), 41_989.57, 99_804),
    ("tenx_h5/v3_filtered_feature_bc_matrix.h5", "raw", (1107, 507), 41_549, 23_866),
    ("tenx_h5/v2_filtered_gene_bc_matrices_h5.h5", "raw", (12, 343), 12, 12),
    ("tenx_mtx_v3/filtered_feature_bc_matrix", "raw", (1107, 507), 41_549, 23_866),
    ("tenx_mtx_v2/filtered_gene_bc_matrices/hg19_chr21", "raw", (12, 343), 12, 12),
    ("tenx_mtx_v2/pbmc_small", "raw", (80, 240), 23_110, 4_814),
    ("tenx_mtx_citeseq/pbmc_10k_protein_v3_filtered_feature_bc_matrix.tar.gz", "raw", (1024, 117), 6_653_185, 23_073),
    ("tsv/celltypist_sample_cell_by_gene.csv.gz", "raw", (88, 16_383), 516_003, 113_514),
    ("h5mu/mudata_v0.3.10_axis0.h5mu", "raw", (100, 30), 4801500, 3000),
    ("seurat/pbmc_small.rds", "raw", (80, 230), 19_633, 4456),
    ("seurat/pbmc_small_seurat4.rda", "raw", (80, 230), 19_633, 4456),
    ("soma/soma-exp-pbmc-small.tar.gz", "raw", (80, 230), 19_633, 4456),
    ("zarr/anndata_v0.7.8_adata.zarr.zip", "raw", (30, 40), 568, 453),
    ("bcs/derived_pbmc8k_500.bcs", "raw", (500, 2000), 545_085, 94_854),
    ("tsv/anndata_excel.xlsx", "raw", (3, 2), 15, 4),
    ("loom/mpfc-starmap.loom", "raw", (3704, 158), 1616247, 150007),
    ("loom/osmFISH_SScortex_mouse_all_cell.loom", "raw", (64, 33), 11596, 1410),
]
MUST_REFUSE = {
    "h5ad/pbmc68k_reduced.h5ad": "no raw counts",
    "h5ad/pbmc_small.h5ad": "no raw counts",
    "h5ad/scimap_exemplar001_cycif.h5ad": "no raw counts",
    "vdj/vdj_nextgem_hs_pbmc3_t_filtered_contig_annotations.csv.gz": "is not a number",
    "tenx_mtx_v3/filtered_feature_bc_matrix/matrix.mtx.gz": "missing: features, barcodes",
    "tenx_mtx_v2/pbmc_small/barcodes.tsv": "No tab, comma or semicolon",
    "tenx_mtx_v2/pbmc_small/genes.tsv": "is not a number",
}


def open_shared(path: Path, values: str) -> Any:
    if path.is_dir():
        return open_table(assign_roles([FileSource(part) for part in path.iterdir()]), matrix=values)  # type: ignore[arg-type]
    return open_path(path, matrix=values)


@pytest.mark.parametrize(("name", "values", "shape", "total", "nnz"), MUST_READ)
def test_must_read(shared_data: Path, name: str, values: str, shape: tuple[int, int], total: float, nnz: int) -> None:
    table = open_shared(shared_data / "scrna" / name, values)
    assert (table.n_cells, table.n_features) == shape
    matrix = whole(table)
    assert matrix.sum() == pytest.approx(total, abs=0.01)
    assert np.count_nonzero(matrix) == nnz
    table.close()


@pytest.mark.parametrize("name", MUST_REFUSE)
def test_must_refuse_real_files(shared_data: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match=MUST_REFUSE[name]) as caught:
        whole(open_shared(shared_data / "scrna" / name, "raw"))
    assert Path(name).name in caught.value.where
    assert caught.value.do


def test_each_shared_file_is_in_one_of_the_lists(shared_data: Path) -> None:
    listed = [name for name, *_ in MUST_READ] + list(MUST_REFUSE) + ["tsv/pbmc8k_subset2700.tsv.gz"]
    folder = shared_data / "scrna"
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        assert path.is_dir() or any(name.startswith(start) for start in listed), name


def test_the_same_cells_come_out_of_each_form(shared_data: Path) -> None:
    folder = shared_data / "scrna"
    for one, other in (
        ("tenx_h5/v3_filtered_feature_bc_matrix.h5", "tenx_mtx_v3/filtered_feature_bc_matrix"),
        ("tenx_h5/v2_filtered_gene_bc_matrices_h5.h5", "tenx_mtx_v2/filtered_gene_bc_matrices/hg19_chr21"),
    ):
        first, second = open_shared(folder / one, "raw"), open_shared(folder / other, "raw")
        assert np.array_equal(whole(first), whole(second))
        assert list(first.obs.index) == list(second.obs.index)
        assert list(first.var.index) == list(second.var.index)
        assert list(first.var["feature_id"]) == list(second.var["feature_id"])


def test_triplets_of_several_genomes_are_one_table() -> None:
    one, two = counts(6, 4), counts(5, 3, seed=1)
    files = {}
    for genome, matrix, start in (("hg19", one, 0), ("mm10", two, 1)):
        cells = [f"AAAC{number}-1" for number in range(start, start + len(matrix))]
        lists = {
            "matrix.mtx": market_text(matrix),
            "genes.tsv": "".join(f"{genome}_G{at}\t{genome}_RPL{at}\n" for at in range(matrix.shape[1])).encode(),
            "barcodes.tsv": "".join(f"{cell}\n" for cell in cells).encode(),
        }
        files |= {f"filtered/{genome}/{name}": content for name, content in lists.items()}
    table = open_table({"matrix": BytesSource("run.tar.gz", tar_of({**files, "__MACOSX/x": b"junk"}))})
    assert table.notes[0] == "2 genomes were put side by side: hg19, mm10."
    assert list(table.var["genome"]) == ["hg19"] * 4 + ["mm10"] * 3
    wanted = np.zeros((6, 7))
    wanted[:, :4], wanted[1:, 4:] = one, two
    assert np.array_equal(whole(table), wanted)
    table.close()


def test_the_same_80_cells_come_out_of_every_reader(shared_data: Path) -> None:
    folder = shared_data / "scrna"
    forms = ("seurat/pbmc_small.rds", "seurat/pbmc_small_seurat4.rda", "soma/soma-exp-pbmc-small.tar.gz")
    first = open_shared(folder / forms[0], "raw")
    cells, genes, matrix = list(first.obs.index), list(first.var.index), whole(first)
    assert matrix.shape == (80, 230)
    for name in forms[1:]:
        table = open_shared(folder / name, "raw")
        assert (list(table.obs.index), list(table.var.index)) == (cells, genes)
        assert np.array_equal(whole(table), matrix)
        table.close()
    run = open_shared(folder / "tenx_mtx_v2/pbmc_small", "raw")  # with -1 behind the barcodes and 10 genes more
    assert [str(cell).removesuffix("-1") for cell in run.obs.index] == cells
    of_run = whole(run)
    assert np.array_equal(of_run[:, [list(run.var.index).index(gene) for gene in genes]], matrix)
    values = open_path(folder / "h5ad/pbmc_small.h5ad", matrix="normalized", options={"slot": "raw/X"})
    assert (list(values.obs.index), set(values.var.index)) == (cells, set(genes))
    wanted = whole(values)
    for name in forms:
        form = open_shared(folder / name, "normalized")
        found = whole(form)[:, [list(form.var.index).index(gene) for gene in values.var.index]]
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        form.close()


def test_cite_seq_splits(shared_data: Path) -> None:
    path = shared_data / "scrna/tenx_mtx_citeseq/pbmc_10k_protein_v3_filtered_feature_bc_matrix.tar.gz"
    table = open_path(path)
    parts = split_feature_types(table)
    matrix = whole(table)
    rna = (table.var["feature_type"] == "Gene Expression").to_numpy()
    assert {name: part.n_features for name, part in parts.items()} == {"rna": 100, "antibody": 17}
    assert np.array_equal(whole(parts["rna"]), matrix[:, rna])
    assert np.array_equal(whole(parts["antibody"]), matrix[:, ~rna])
    before = scratch()
    for part in parts.values():
        part.close()
    assert len(scratch()) == len(before) - 1


def test_errors_survive_a_process_border() -> None:
    with pytest.raises(CytosolError) as caught:
        open_text(symbols(1)[0], "a.h5ad")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))


def test_head_of_a_remote_file_that_is_no_path() -> None:
    content = (DEMO / "pbmc8k_2700.h5").read_bytes()
    source = BytesSource("pbmc.h5", content)
    assert read_head(source).content == "tenx-h5"
    table = open_table({"matrix": source})
    assert sum(int(block.values.sum()) for block in table.blocks(block_bytes=8 << 20)) == 12_655_047
