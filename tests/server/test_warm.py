"""Plots are loaded in the background once there is something to plot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from cytosol.catalog.warming import Warming
from cytosol.jobs.signals import Signals
from cytosol.server.warm import warm_plots
from tests.catalog.test_cytometry import NAMES, fcs
from tests.dialects.native.world import opened


def compiled() -> dict[str, list[Any]]:
    """The kinds of arguments that each loop is compiled for in this process."""
    from cytosol.analyses.cytometry import kernels  # loads numba
    from cytosol.analyses.cytometry.plots import kernels as plot_kernels

    found = {}
    for module in (kernels, plot_kernels):
        for name, function in vars(module).items():
            if hasattr(function, "signatures"):
                found[name] = list(function.signatures)
    return found


async def test_after_warming_no_plot_and_no_gate_compiles_anything(tmp_path: Path) -> None:
    await asyncio.to_thread(Warming.begin().join)
    before = compiled()
    assert all(before[name] for name in ("bin_1d", "bin_2d", "stamp_dots", "polygon_mask", "polygon_mask_by_grid"))
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        ada = world["ada"]
        study_id = (await ada.post("studies", json={"name": "Blood"})).json()["id"]
        made = await ada.put(f"studies/{study_id}/fcs/a.fcs", content=fcs(9000))
        table = f"datasets/{made.json()['items'][0]['id']}/tables/events"
        axes = {"x": f"var:{NAMES[2]}", "y": f"var:{NAMES[3]}"}
        corners = {"vertices": [[0, 0], [5, 0], [5, 5]]}
        gates = [{"kind": "polygon", "name": "P", **axes, "geometry": corners}]
        made = await ada.post(f"studies/{study_id}/gates", json={"gates": gates, "populations": True})
        assert made.status_code == 201, made.text
        for kind in ("density", "contour", "dot", "histogram"):
            assert (await ada.get(f"{table}/plot", params={"kind": kind, **axes})).status_code == 200
        assert (await ada.post(f"studies/{study_id}/population-counts", json={})).status_code == 200
    assert compiled() == before


async def test_it_waits_until_there_is_something_to_plot(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as world:
        await world.add("ada")
        signals = Signals()
        waiting = asyncio.create_task(warm_plots(world.catalog, signals))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        study_id = (await world["ada"].post("studies", json={"name": "Blood"})).json()["id"]
        assert not await world.catalog.warming.is_wanted()
        await world["ada"].put(f"studies/{study_id}/fcs/a.fcs", content=fcs())
        assert await world.catalog.warming.is_wanted()
        signals.events_stored()
        await asyncio.wait_for(waiting, 30)
