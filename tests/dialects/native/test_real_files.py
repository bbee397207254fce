"""Every real FCS file, through upload, a plot and its events with its own compensation."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tests.dialects.native.world import opened

FOLDERS = ("fcs", "fcs_bad", "flowjo", "gatingml2/set_1", "compensation")


async def test_every_real_file_is_plotted_with_its_own_compensation(shared_data: Path, tmp_path: Path) -> None:
    paths = sorted(
        path
        for folder in FOLDERS
        for path in (shared_data / "cytometry" / folder).rglob("*")
        if path.suffix.lower() in (".fcs", ".lmd")
    )
    compensated: dict[str, str] = {}
    problems = []
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        ada = world["ada"]
        study_id = (await ada.post("studies", json={"name": "Vendors"})).json()["id"]
        for number, path in enumerate(paths):
            made = await ada.put(f"studies/{study_id}/fcs/{number:02}-{path.name}", content=path.read_bytes())
            assert made.status_code in (201, 422), made.text
            for file in made.json()["items"] if made.status_code == 201 else []:
                compensated[path.name] = file["compensation"]
                channels = [entry["channel"] for entry in file["panel"]]
                axes = {"x": f"var:{channels[0]}", "y": f"var:{channels[-1]}"}
                table = f"datasets/{file['id']}/tables/events"
                plot = await ada.get(f"{table}/plot", params={**axes, "compensation": "own", "width": 200})
                wanted = [f"var:{channel}" for channel in channels]
                events = await ada.get(f"{table}/events", params={"axes": wanted, "compensation": "own", "n": 100})
                problems += [f"{path.name}: {each.text[:300]}" for each in (plot, events) if each.status_code != 200]
                if events.status_code == 200:
                    assert pa.ipc.open_stream(events.content).read_all().num_rows == min(100, file["n_events"])
    assert problems == []
    assert compensated["miltenyi_macsquant_fcs31.fcs"] == "none"
    assert compensated["bd_lsr2_hts_fcs3.fcs"] == compensated["flowkit_test_comp_example.fcs"] == "internal"
