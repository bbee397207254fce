"""Uses the CellEngine toolkit for Python, unmodified, beyond its own suite, and writes down what came.

``python cellengine_walk.py FILES OUT`` in the environment of the toolkit; address and credentials are where the toolkit
looks for them. OUT is JSON: ``values`` by label, ``errors`` by label, ``called`` = the public functions of the toolkit
that ran, ``public`` = all that it has.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import cellengine as ce  # type: ignore[import-not-found]
import pandas as pd
from cellengine.utils.complex_population_builder import ComplexPopulationBuilder  # type: ignore[import-not-found]

AXES = {"x_channel": "FSC-A", "y_channel": "SSC-A"}
CLASSES = (
    ce.APIClient, ce.Experiment, ce.FcsFile, ce.Attachment, ce.Compensation, ce.Folder, ce.Population, ce.ScaleSet,
    ce.Gate, ce.RectangleGate, ce.PolygonGate, ce.EllipseGate, ce.RangeGate, ce.QuadrantGate, ce.SplitGate, ce.Plot,
    ComplexPopulationBuilder,
)  # fmt: skip
STATISTICS = ["mean", "median", "quantile", "mad", "geometricmean", "cv", "stddev", "eventcount", "percent"]
values: dict[str, Any] = {}
errors: dict[str, str] = {}
called: set[str] = set()


def public() -> dict[Any, str]:
    """The name of each public function of the classes, by its code."""
    found = {}
    for one in CLASSES:
        for name, member in vars(one).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            function = inspect.unwrap(getattr(function, "__wrapped__", function))
            if not name.startswith("_") and inspect.isfunction(function):
                found[function.__code__] = f"{one.__name__}.{name}"
    return found


NAMES = public()


def watch(frame: Any, event: str, _: Any) -> None:
    """Note which of the functions runs."""
    if event == "call" and frame.f_code in NAMES:
        called.add(NAMES[frame.f_code])


def run(label: str, call: Callable[[], Any], keep: Callable[[Any], Any] = lambda found: None) -> Any:
    """A call under a label; what is kept of its value goes into the file."""
    try:
        found = call()
        values[label] = keep(found)
    except Exception as error:  # noqa: BLE001 (whatever it raises is written down)
        errors[label] = f"{type(error).__name__}: {error}"
        return None
    return found


def changed(thing: Any, **fields: Any) -> Any:
    """Set properties, save, and read them again."""
    for name, value in fields.items():
        setattr(thing, name, value)
    thing.update()
    return {name: getattr(thing, name) for name in fields}


def properties(thing: Any) -> None:
    """Read all properties."""
    for name, member in inspect.getmembers(type(thing)):
        if isinstance(member, property) and not name.startswith("_"):
            run(f"{type(thing).__name__}.{name}", lambda name=name: getattr(thing, name))  # type: ignore[misc]


def same(found: Any) -> Any:
    """All of it."""
    return found


def frame(found: pd.DataFrame) -> Any:
    """Rows of a table, each by column."""
    named = found.set_axis([name[0] if isinstance(name, tuple) else name for name in found.columns], axis=1)
    return json.loads(named.to_json(orient="records", double_precision=15))


def experiments(files: Path) -> tuple[Any, Any, Any]:
    """An experiment and two files."""
    client = ce.APIClient()
    e = ce.Experiment.create(f"Walk {uuid4().hex}", comments="hello", tags=["a"])
    name = f"Walked {uuid4().hex}"
    run("list", lambda: client.get_experiments(), lambda found: e._id in [one._id for one in found])
    f = run(
        "upload under a name", lambda: e.upload_fcs_file(str(files / "a.fcs"), filename="x y.fcs"), lambda x: x.name
    )
    second = ce.FcsFile.upload(e._id, str(files / "second.fcs"))
    for thing in (e, f, e.fcs_files[0]):
        properties(thing)
    fields = {
        "comments": {"insert": "x\n"}, "path": [], "data": {"a": 1}, "data_order": ["a"], "locked": False,
        "active_compensation": -1, "per_file_compensations_enabled": True, "tags": ["q"],
        "sorting_spec": {"a": ["b", None]}, "color_spec": [["a", [["b", 1]]]],
        "saved_statistics_exports": [{"a": 1}], "palettes": {"a": 1}, "name": name,
    }  # fmt: skip
    run("experiment changed", lambda: changed(e, **fields), same)
    run("researcher", lambda: changed(e, primary_researcher=client.user_id) if client.user_id else None)
    run("file changed", lambda: changed(f, filename="new.fcs", gates_locked=True), same)
    run("file unlocked", lambda: changed(f, gates_locked=False), same)
    sent = [{"name": "dose", "value": 1}, {"name": "dose", "value": 2}, {"name": "note", "value": None}]
    run("annotated", lambda: changed(f, annotations=sent), same)
    run("file deleted", lambda: changed(second, deleted=datetime.now()), str)  # noqa: DTZ005 (as users write it)
    run("file brought back", lambda: changed(second, deleted=None), same)
    run(
        "by names",
        lambda: [ce.Experiment.get(name=name)._id == e._id, ce.FcsFile.get(e._id, name="new.fcs")._id == f._id],
        same,
    )
    run("channel", lambda: f.channel_for_reagent("Time"), same)
    return e, f, second


def events(e: Any, f: Any) -> None:
    """Downloads, derived files, compensations."""
    for said in ({}, {"preSubsampleN": 10, "seed": 1}, {"postSubsampleP": 0.5}, {"original": True}, {"headers": True}):
        run(f"events {said}", lambda said=said: f.get_events(**said), lambda found: found.shape)  # type: ignore[misc]
    run("events numbered", lambda: f.get_events(addEventNumber=True, compensatedQ=True, compensationId=-1), frame)
    c = e.create_compensation("c", ["Blue530-A", "Vio450-A"], [1, 0.1, 0.02, 1])
    properties(c)
    names = ["Blue530-A", "Vio450-A"]
    run(
        "matrix", lambda: changed(c, dataframe=pd.DataFrame([[1, 0.5], [0, 1]], names, names)), lambda _: c.spill_matrix
    )
    run("compensated", lambda: c.apply(f, inplace=False), lambda found: found.shape)
    run("own matrix", lambda: f.get_file_internal_compensation().apply(f, inplace=True), lambda _: frame(f.events))
    run("compensation", lambda: e.get_compensation(c._id).name, same)
    run("compensation by name", lambda: ce.Compensation.get(e._id, name="c").name, same)
    cells = pd.DataFrame([[1.5, 2], [3, 4]], columns=[["A", "B"], ["CD3", None]], dtype="float32")
    said = {"filename": "made.fcs", "df": cells, "headers": {"$P2D": "Linear,0,10"}}
    made = run(
        "of a frame", lambda: ce.FcsFile.create_from_dataframe(e._id, **said), lambda x: [x.panel, x.header["$P2D"]]
    )
    values["scale of a frame"] = e.scaleset.scales["B"]
    made.delete()
    both = {"fcs_files": [f._id, f._id], "filename": "cc.fcs", "add_file_number": True, "add_event_number": True}
    made = run("concatenated", lambda: ce.FcsFile.create(e._id, **both))
    values["concatenated"] = [made.event_count, made.channels[-2:], len(made.data["sourceFiles"])]
    other = ce.Experiment.create("Other")
    run(
        "from another",
        lambda: ce.FcsFile.create(other._id, {"_id": f._id, "experiment_id": e._id}, "o.fcs"),
        lambda x: x.name,
    )
    run("from a bucket", lambda: ce.FcsFile.create(other._id, {"host": "h", "path": "/p"}, "o.fcs"))
    run("imported", lambda: other.import_resources(e._id, {"compensations": [c._id], "annotations": True}, {}),
        lambda _: [one.name for one in other.compensations])  # fmt: skip
    other.delete()


def tailor(e: Any, second: Any) -> str:
    """A gate of all files and of two; the gid of the family."""
    said = {
        **AXES,
        "name": "t",
        "x1": 1,
        "x2": 9,
        "y1": 1,
        "y2": 9,
        "tailored_per_file": True,
        "create_population": False,
    }
    whole = e.create_rectangle_gate(**said)
    own = e.create_rectangle_gate(**said | {"x2": 8}, fcs_file="new.fcs", gid=whole.gid)

    def counts(found: Any) -> list[int]:
        return [len(found.inserted), len(found.updated), len(found.deleted)]

    for number, gate in enumerate((own, own, e.get_gate(whole._id))):
        run(f"tailored {number}", partial(gate.apply_tailoring, [second._id]), counts)
    return str(whole.gid)


def gates(e: Any, second: Any) -> tuple[Any, Any]:
    """Gates of all kinds, tailored, changed; two populations."""
    r, top = e.create_rectangle_gate(**AXES, name="rect", x1=30000, x2=100000, y1=10000, y2=60000)
    ell, below = e.create_ellipse_gate(
        **AXES, name="ell", center=[60000, 60000], angle=0.3, major=50000, minor=20000, parent_population_id=top._id
    )
    poly, _ = e.create_polygon_gate(**AXES, name="poly", vertices=[[1, 4], [200000, 5], [100000, 200000]])
    rng, _ = e.create_range_gate(x_channel="Blue530-A", name="rng", x1=1, x2=3)
    quad, four = e.create_quadrant_gate(**AXES, name="quad", x=60000, y=60000)
    run("quadrant on arcsinh", lambda: e.create_quadrant_gate("Blue530-A", "Vio450-A", "quad", 2, 2))
    split, two = e.create_split_gate(x_channel="FSC-A", name="split", x=60000)
    values["sectors"] = [[one.name for one in four], [one.name for one in two]]
    bulk = {"type": "RangeGate", "x_channel": "A", "x1": 1, "x2": 2, "experiment_id": e._id}
    (loose,) = ce.Gate.create_many([bulk | {"name": "bulk"}])
    run("gate deleted", loose.delete)
    run(
        "in bulk",
        lambda: e.create_gates([bulk | {"name": "a"}, bulk | {"name": "b"}]),
        lambda found: [g.name for g in found],
    )
    for gate in (r, ell, poly, rng, quad, split, *e.gates):
        properties(gate)
    gid = tailor(e, second)
    run("gate changed", lambda: changed(r, name="renamed", locked=True), same)
    run("gate unlocked", lambda: changed(r, locked=False), same)
    run("sectors changed", lambda: changed(quad, names=["a", "b", "c", "d"]), same)
    run("orange", lambda: changed(poly, locked="orange"))
    run("family", lambda: ce.Gate.update_gate_family(e._id, gid, {"name": "fam"}))
    run("no family", lambda: ce.Gate.update_gate_family(e._id, "a" * 24, {"name": "fam"}))
    builder = (
        ComplexPopulationBuilder("complex")
        .And([r.gid, ell.gid])
        .Or([rng.gid, poly.gid])
        .Not([split.model["gids"][0]])
        .Xor([r.gid, ell.gid])
    )
    made = run("complex", lambda: e.create_population(builder.build()), lambda found: json.loads(found.gates))
    properties(made)
    run("population", lambda: e.get_population(_id=made._id).name, same)
    run("population by name", lambda: ce.Population.get(e._id, name="complex")._id == made._id, same)
    tree = json.dumps({"$and": [r.gid]})
    run(
        "population changed",
        lambda: changed(made, parent_id=top._id, terminal_gate_gid=r.gid, name="cc", gates=tree),
        same,
    )
    run("population freed", lambda: changed(made, parent_id=None, terminal_gate_gid=None), same)
    return top, below


def tables(e: Any, f: Any, top: Any, below: Any) -> None:
    """Statistics and plots."""
    asked = {"q": 0.9, "compensation_id": -1, "fcs_file_ids": [f._id], "population_ids": [top._id, below._id]}
    for layout in ("medium", "tall-skinny", "short-wide"):
        whole = partial(e.get_statistics, STATISTICS, ["FSC-A", "Vio605-A"], layout=layout, **asked)
        run(layout, whole, frame)
        for form in ("json", "TSV (with header)", "csv"):
            call = partial(e.get_statistics, "mean", ["FSC-A"], layout=layout, format=form, **asked)
            run(f"{layout} {form}", call, same)
    of = [top._id, "PARENT", None]
    run(
        "percents",
        lambda: e.get_statistics("percent", [], fcs_file_ids=[f._id], percent_of=of, population_ids=[below._id]),
        frame,
    )
    run("no such channel", lambda: e.get_statistics("mean", ["nothing"]))
    look = {"color": "#FA0", "renderGates": True, "gateLabel": "percent", "height": 200, "width": 310, "axesQ": False}
    for kind in ("dot", "contour", "density", "histogram"):
        draw = partial(f.plot, kind, "FSC-A", "SSC-A", population_id=top._id, compensation=-1, **look)
        plot = run(kind, draw, lambda found: list(found.data[:24]))
    plot.save("plot.png")
    properties(plot)


def rest(e: Any, f: Any, second: Any, files: Path) -> None:
    """Attachments, scales, folders, copies, and what is deleted."""
    attachment = e.upload_attachment(str(files / "note.txt"), filename="n.txt")
    properties(attachment)
    run("attachment renamed", lambda: changed(attachment, filename="m.txt"), same)
    run("attachment", lambda: e.download_attachment(name="m.txt").decode(), same)
    run("attachment to disk", lambda: attachment.download(to_file="m.txt"), lambda _: Path("m.txt").read_text())
    run("the attachment", lambda: e.get_attachment(name="m.txt").filename, same)
    run("attachment by id", lambda: ce.Attachment.get(e._id, attachment._id).filename, same)
    run(
        "another attachment", lambda: ce.Attachment.upload(e._id, str(files / "note.txt")), lambda found: found.delete()
    )
    run("attachment deleted", lambda: e.delete_attachment(name="m.txt"), lambda _: len(e.attachments))
    scales = ce.ScaleSet.get(e._id)
    properties(e.get_scaleset())
    scales.scales["FSC-A"].update(type="LogScale", minimum=1, maximum=1e5, cofactor=150)
    run("scale", scales.update, lambda _: e.scaleset.scales["FSC-A"])
    run("scaled", lambda: scales.apply(f, clamp_q=True, in_place=False), lambda found: found.shape)
    run("scale of a channel", lambda: scales.scale_for_channel("Time")["type"], same)
    folder = ce.Folder.create("Folder of the walk")
    properties(folder)
    run("folder changed", lambda: changed(folder, name="New folder", path=[]), same)
    run("folders", lambda: [one.name for one in ce.APIClient().get_folders()], same)
    inside = ce.Experiment.create("Inside", path=[folder._id])
    run("folder with something in it", folder.delete)
    ce.APIClient().delete_experiment(inside._id)
    run("folder deleted", folder.delete, lambda _: folder.deleted is not None)
    run("folder brought back", folder.undelete, lambda _: folder.deleted)
    run("folder by name", lambda: ce.Folder.get(folder._id).name, same)
    run("revision", lambda: e.save_revision("r1"), lambda _: [one["description"] for one in e.revisions])
    copy = run("clone", lambda: e.clone({"name": "K"}), lambda x: [x.name, x.clone_source_experiment == e._id])
    values["cloned"] = [
        len(copy.gates) == len(e.gates),
        len(copy.populations),
        len(copy.fcs_files),
        len(copy.compensations),
    ]
    ce.APIClient().delete_experiment(copy._id)
    gid = e.gates[0].gid
    run("excluded", lambda: e.delete_gate(gid=gid, exclude="abc"), lambda _: gid in [gate.gid for gate in e.gates])
    run("family deleted", lambda: e.delete_gate(gid=gid), lambda _: gid in [gate.gid for gate in e.gates])
    run("gates deleted", lambda: e.delete_gates([gate._id for gate in e.gates[:2]]))
    run("population deleted", e.populations[-1].delete)
    run("emptied", e.delete_all_gates_and_populations, lambda _: [e.gates, e.populations])
    run("compensation deleted", e.compensations[0].delete, lambda _: len(e.compensations))
    run("file gone", lambda: (second.delete(), e.get_fcs_file(_id=second._id)))
    run("nobody", lambda: ce.APIClient().get_experiment(name='nope "x"'))
    run("deleted", e.delete)
    run("undeleted", e.undelete)
    ce.APIClient().delete_experiment(e._id)


def main() -> None:
    """Everything in turn."""
    files, out = Path(sys.argv[1]), Path(sys.argv[2])
    sys.setprofile(watch)
    e, f, second = experiments(files)
    events(e, f)
    top, below = gates(e, second)
    tables(e, f, top, below)
    rest(e, f, second, files)
    sys.setprofile(None)
    told = {"values": values, "errors": errors, "called": sorted(called), "public": sorted(NAMES.values())}
    out.write_text(json.dumps(told, default=str))


main()
