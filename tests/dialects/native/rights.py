"""What each role is answered by each route of the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from cytosol.base.gating import Axis, Gating, Region, SampleGating
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.writer import write_gating_ml
from tests.formats import facsdiva_samples as diva
from tests.formats.fcs_files import build, floats, plain

ROLES = ("anonymous", "stranger", "limited", "reader", "editor", "owner", "admin", "readonly")
"""``readonly`` is a token of the owner with the scope 'read'."""
Things = dict[str, Any]
BOX = {"x1": 0, "x2": 2.5, "y1": 0, "y2": 9}
GATE = {"kind": "rectangle", "name": "Cells", "x": "var:GENE0", "y": "var:GENE1", "geometry": BOX}
_GATING = Gating({"high": Region("high", "high", "box", {"limits": [[1.0, None]]}, (Axis("GENE0"),))})
_GATING_ML = write_gating_ml(_GATING)
_EXPERIMENT = diva.experiment([diva.tube("a.fcs", [diva.gate("P1", "INTERVAL", ("FSC-A",), [(1, 0), (9, 0)])])])
_WORKSPACE = write_workspace([SampleGating("sample", replace(_GATING, unit="data"))])
FCS = build(plain(4, ("a", "b")), floats(4, 2).tobytes())
TSV = b"gene\tc1\tc2\nA\t1\t2\nB\t3\t0\n"


@dataclass(frozen=True)
class Row:
    """What each role is answered, in the order of ROLES.

    Attributes
    ----------
    body : JSON, or bytes, from the things that there are
    query : of the address
    takes : parts of the address that stand for other things than they are called
    """

    statuses: str
    body: Callable[[Things], Any] | None = None
    query: dict[str, str] = field(default_factory=dict)
    takes: dict[str, str] = field(default_factory=dict)


def says(**values: Any) -> Callable[[Things], Any]:
    return lambda _things: values


# who may do what with something in a study
READ = "404 404 200 200 200 200 200 200"
EDIT = "404 404 403 403 {0} {0} {0} 403"
OWN = "404 404 403 403 403 {0} {0} 403"
# with what belongs to nobody's study
ALL = "200 200 200 200 200 200 200 200"
SIGNED_IN = "401 200 200 200 200 200 200 200"
WRITING = "401 {0} {0} {0} {0} {0} {0} 403"
ADMIN = "401 403 403 403 403 403 {0} 403"
MINE = "401 404 404 404 404 {0} 404 {1}"

_IN_FILES = {"study_id": "files_study_id"}
ROWS: dict[str, Row] = {
    "get_server": Row(ALL),
    "list_formats": Row(ALL),
    "list_analyses": Row(ALL),
    "list_cell_type_references": Row(SIGNED_IN),
    "list_audit": Row(ADMIN.format(200)),
    "set_up": Row("401 401 401 401 401 401 401 401", says(key="wrong", email="x@y.z", password="long enough")),
    "sign_in": Row("401 401 401 401 401 401 401 401", says(email="nobody@example.org", password="wrong")),
    "get_session": Row(SIGNED_IN),
    "sign_out": Row("401 204 204 204 204 204 204 204"),
    "change_me": Row(WRITING.format(200), says(name="New"), takes={"version": "me"}),
    "change_password": Row(WRITING.format(422), says(old="wrong", new="long enough")),
    "list_tokens": Row(SIGNED_IN),
    "create_token": Row(WRITING.format(201), says(name="t", scopes=["read"])),
    "revoke_token": Row("404 404 404 404 404 204 204 403"),
    "list_users": Row(ADMIN.format(200)),
    "create_user": Row(ADMIN.format(201), says(email="new@example.org", password="long enough")),
    "change_user": Row(ADMIN.format(200), says(name="Guest")),
    "list_groups": Row(SIGNED_IN),
    "create_group": Row(WRITING.format(201), says(name="Another")),
    "get_group": Row("404 404 404 200 404 200 200 200"),
    "change_group": Row("404 404 404 403 404 200 200 403", says(name="Renamed")),
    "delete_group": Row("404 404 404 403 404 204 204 403"),
    "list_members": Row("404 404 404 200 404 200 200 200"),
    "put_member": Row("404 404 404 403 404 204 204 403", says(role="member")),
    "remove_member": Row("404 404 404 403 404 204 204 403"),
    "list_folders": Row(ALL),
    "create_folder": Row(WRITING.format(201), says(name="Mine")),
    "get_folder": Row(READ),
    "change_folder": Row(EDIT.format(200), says(name="Renamed")),
    "delete_folder": Row(OWN.format(204)),
    "undelete_folder": Row("404 404 403 403 403 200 200 403", takes={"folder_id": "deleted_folder_id"}),
    "list_folder_grants": Row(OWN.format(200)),
    "put_folder_grants": Row(OWN.format(200), says(items=[])),
    "list_study_grants": Row(OWN.format(200)),
    "put_study_grants": Row(OWN.format(200), says(items=[])),
    "list_studies": Row(ALL),
    "create_study": Row(WRITING.format(201), says(name="Mine")),
    "get_study": Row(READ),
    "change_study": Row(EDIT.format(200), says(description="Blood")),
    "delete_study": Row(OWN.format(204)),
    "undelete_study": Row("404 404 403 403 403 200 200 403", takes={"study_id": "deleted_study_id"}),
    "duplicate_study": Row("401 404 403 201 201 201 201 403", says()),
    "list_revisions": Row(READ),
    "undo_revision": Row(EDIT.format(201)),
    "mark_study": Row(EDIT.format(201), says(label="as sent")),
    "go_back": Row(EDIT.format(201)),
    "list_attachments": Row(READ),
    "add_attachment": Row("401 404 403 403 404 201 404 403", lambda t: {"upload_id": t["whole_upload_id"]}),
    "get_attachment_data": Row("404 404 403 200 200 200 200 200"),
    "change_attachment": Row(EDIT.format(200), says(name="new.txt")),
    "delete_attachment": Row(EDIT.format(204)),
    "get_samples": Row(READ),
    "create_sample": Row(EDIT.format(201), says(name="donor 9")),
    "change_sample": Row(EDIT.format(200), says(name="donor 8")),
    "delete_sample": Row(EDIT.format(204)),
    "create_attribute": Row(EDIT.format(201), says(name="sex")),
    "change_attribute": Row(EDIT.format(200), says(unit="mg")),
    "delete_attribute": Row(EDIT.format(204)),
    "get_samples_csv": Row(READ),
    "put_samples_csv": Row(EDIT.format(200), lambda _: b"sample,dose\ndonor 7,3\n"),
    "paste_samples": Row(EDIT.format(200), says(text="sample\tdose\ndonor 7\t3")),
    "list_datasets": Row(READ),
    "create_dataset": Row(
        "401 404 403 403 202 202 202 403",
        lambda t: {
            "batches": [{"name": "b", "files": {"matrix": {"storage_id": t["storage_id"], "path": "small.tsv"}}}]
        },
    ),
    "create_inspection": Row(
        "401 404 403 403 202 202 202 403",
        lambda t: {
            "study_id": t["study_id"],
            "batches": [{"name": "b", "files": {"matrix": {"storage_id": t["storage_id"], "path": "small.tsv"}}}],
        },
    ),
    "get_inspected_cells": Row("404 404 404 404 404 200 404 200", takes={"job_id": "inspection_id"}),
    "get_dataset": Row(READ),
    "change_dataset": Row(EDIT.format(200), says(name="Renamed")),
    "delete_dataset": Row(EDIT.format(204)),
    "undelete_dataset": Row(EDIT.format(200), takes={"dataset_id": "deleted_dataset_id"}),
    "create_export": Row("401 404 403 202 202 202 202 202", says()),
    "get_values": Row(READ, query={"features": "GENE0"}),
    "get_values_csv": Row(READ, query={"features": "GENE0"}),
    "get_columns_csv": Row(READ),
    "get_embedding_csv": Row(READ, query={"name": "X_map"}),
    "search_features": Row(READ),
    "get_features": Row(READ),
    "get_barcodes": Row(READ),
    "get_columns": Row(READ),
    "get_embedding": Row(READ, query={"name": "X_map"}),
    "get_expression": Row(ALL, query={"genes": "GENE0"}),
    "search_studies": Row(ALL),
    "search_genes": Row(ALL),
    "query_summary": Row(READ, says(features=["GENE0"], group_by="type", selection={"cells": [0, 1]})),
    "query_violins": Row(READ, says(feature="GENE0", selection={"cells": [0, 1, 2]})),
    "get_summary": Row(READ, query={"features": "GENE0", "group_by": "type"}),
    "get_violins": Row(READ, query={"feature": "GENE0", "group_by": "type"}),
    "create_analysis": Row(EDIT.format(202), says(analysis="markers", parameters={"column": "type"})),
    "create_columns": Row(
        "404 404 201 201 201 201 201 403", says(name="mine", categories=[{"name": "a", "cells": [0, 1]}])
    ),
    "change_column": Row(EDIT.format(200), says(name="renamed")),
    "delete_column": Row(EDIT.format(204)),
    "list_gates": Row(READ),
    "create_gates": Row(EDIT.format(201), says(gates=[GATE], populations=True)),
    "get_gate": Row(READ),
    "change_gate": Row(EDIT.format(200), says(name="Renamed")),
    "delete_gate": Row(EDIT.format(204)),
    "change_gate_family": Row(EDIT.format(200), says(name="Renamed")),
    "delete_gate_family": Row(EDIT.format(200)),
    "tailor_gate": Row(EDIT.format(200), lambda t: {"gid": t["gid"], "gate": t["own_gate"], "dataset_ids": []}),
    "reset_gates": Row(EDIT.format(204)),
    "copy_gates": Row(EDIT.format(201), lambda t: {"to_study_id": t["study_id"]}),
    "get_scales": Row(READ),
    "put_scales": Row(EDIT.format(200), says(scales={})),
    "list_populations": Row(READ),
    "create_population": Row(EDIT.format(201), says(name="All", tree={"and": []})),
    "get_population": Row(READ),
    "change_population": Row(EDIT.format(200), says(name="Renamed")),
    "delete_population": Row(EDIT.format(204)),
    "count_populations": Row(READ, says()),
    "compute_statistics": Row(READ, says(axes=["var:GENE0"], statistics=["mean", "percent"])),
    "save_statistics": Row(EDIT.format(201), says(statistics=["event_count"])),
    "list_saved_statistics": Row(READ),
    "get_events": Row(READ, query={"axes": "var:GENE0"}),
    "list_compensations": Row(READ),
    "create_compensation": Row(EDIT.format(201), says(name="C", channels=["a"], matrix=[1])),
    "get_compensation": Row(READ),
    "change_compensation": Row(EDIT.format(200), says(name="Renamed")),
    "delete_compensation": Row(EDIT.format(204)),
    "bring_gating_ml": Row(EDIT.format(201), lambda _: _GATING_ML),
    "bring_flowjo": Row(EDIT.format(201), lambda _: _WORKSPACE),
    "bring_facsdiva": Row(EDIT.format(201), lambda _: _EXPERIMENT),
    "get_gating_ml": Row(READ),
    "get_flowjo": Row(READ),
    "compute_compensation": Row(
        "404 404 422 422 422 422 422 422",
        lambda t: {"controls": [{"channel": "GENE0", "dataset_id": t["dataset_id"]}]},
    ),
    "draw_spectra": Row(
        "404 404 422 422 422 422 422 422",
        lambda t: {"controls": [{"channel": "GENE0", "dataset_id": t["dataset_id"]}]},
    ),
    "unmix_files": Row(
        "401 404 403 403 422 422 422 403",
        lambda t: {
            "dataset_ids": [t["dataset_id"]],
            "controls": [{"channel": "GENE0", "dataset_id": t["dataset_id"]}],
            "detectors": ["GENE0"],
        },
    ),
    "read_compensation_csv": Row(EDIT.format(201), lambda _: b"a,b\n1,0\n0,1\n", query={"name": "C"}),
    "get_compensation_csv": Row(READ),
    "list_gene_sets": Row(SIGNED_IN),
    "create_gene_sets": Row(WRITING.format(201), says(name="Mine", sets=[{"name": "T", "genes": ["CD3D"]}])),
    "import_gene_sets": Row(WRITING.format(201), lambda _: b"T\tcells\tCD3D\n", query={"filename": "t.gmt"}),
    "get_gene_sets": Row("401 404 404 200 404 200 200 200"),
    "change_gene_sets": Row("401 404 404 403 404 200 200 403", says(name="Renamed")),
    "delete_gene_sets": Row("401 404 404 403 404 204 204 403"),
    "undelete_gene_sets": Row("401 404 404 403 404 200 200 403", takes={"gene_sets_id": "deleted_gene_sets_id"}),
    "list_ontologies": Row(ALL),
    "search_terms": Row(ALL, query={"search": "T cell"}, takes={"name": "ontology"}),
    "get_term_tree": Row(ALL, takes={"name": "ontology"}),
    "get_column_terms": Row(READ, takes={"name": "column"}),
    "put_column_terms": Row(EDIT.format(200), says(T="CL:0000084"), takes={"name": "column"}),
    "publish_column": Row("404 404 404 404 404 200 404 403", takes={"name": "own_column"}),
    "create_subset": Row("401 404 403 403 202 202 202 403", says(selection={"cells": [1, 2, 3]})),
    "get_markers": Row(READ, query={"column": "type"}),
    "list_comparisons": Row(READ),
    "get_comparison": Row(READ),
    "get_comparison_csv": Row(READ),
    "get_comparison_xlsx": Row(READ),
    "delete_comparison": Row(EDIT.format(204)),
    "list_files": Row(READ, takes=_IN_FILES),
    "add_file": Row("401 404 403 403 404 201 404 403", lambda t: {"upload_id": t["fcs_upload_id"]}, takes=_IN_FILES),
    "put_file": Row("401 404 403 403 201 201 201 403", lambda _: FCS, takes=_IN_FILES),
    "derive_file": Row("401 404 403 403 201 201 201 403", lambda t: {"dataset_ids": [t["file_id"]]}, takes=_IN_FILES),
    "zip_files": Row("404 404 403 200 200 200 200 200", says(), takes=_IN_FILES),
    "change_panels": Row(EDIT.format(200), says(reagents={"a": "CD4"}), takes=_IN_FILES),
    "annotate_by_name": Row(EDIT.format(200), says(pattern="{letter}.fcs", preview=False), takes=_IN_FILES),
    "get_file": Row(READ, takes={"dataset_id": "file_id"}),
    "put_file_annotations": Row(
        EDIT.format(200), says(annotations=[{"name": "dose", "value": 3}]), takes={"dataset_id": "file_id"}
    ),
    "list_keywords": Row(READ, takes={"dataset_id": "file_id"}),
    "get_fcs": Row("404 404 403 200 200 200 200 200", takes={"dataset_id": "file_id"}),
    "get_plot": Row(READ, query={"kind": "histogram", "x": "var:GENE0"}),
    "get_heatmap": Row(READ, query={"axes": "var:GENE0", "populations": "all"}),
    "draw_plot_grid": Row(READ, says(plots=[{"kind": "histogram", "x": "var:GENE0"}])),
    "draw_study_heatmap": Row(READ, says(axes=["var:GENE0"])),
    "list_reports": Row(READ),
    "get_report": Row(READ),
    "delete_report": Row(EDIT.format(204)),
    "create_upload": Row(WRITING.format(201), says(name="a.h5ad", size=3)),
    "get_upload": Row(MINE.format(200, 200)),
    "put_upload_data": Row(MINE.format(200, 403), lambda _: b"abc"),
    "complete_upload": Row(MINE.format(200, 403), says()),
    "delete_upload": Row(MINE.format(204, 403)),
    "list_storages": Row(SIGNED_IN),
    "create_storage": Row(ADMIN.format(201), lambda t: {"name": "more", "kind": "folder", "location": t["folder"]}),
    "delete_storage": Row(ADMIN.format(204)),
    "list_entries": Row(SIGNED_IN),
    "list_jobs": Row(SIGNED_IN),
    "get_job": Row(READ),
    "get_job_log": Row(READ),
    "cancel_job": Row(EDIT.format(200)),
    "retry_job": Row(EDIT.format(409)),
    "get_download": Row("404 404 404 404 404 200 404 200", takes={"job_id": "export_id"}),
    "download": Row(ALL),
    "check_download": Row(ALL),
    "watch_events": Row(SIGNED_IN),
}
