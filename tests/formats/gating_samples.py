"""Gating-ML documents made here, and a real FCS file's channels on its own scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cytosol.formats.fcs.header import read_headers
from cytosol.formats.fcs.reader import read_events
from cytosol.formats.files import FileSource

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<gating:Gating-ML xmlns:gating="http://www.isac-net.org/std/Gating-ML/v2.0/gating"
 xmlns:transforms="http://www.isac-net.org/std/Gating-ML/v2.0/transformations"
 xmlns:data-type="http://www.isac-net.org/std/Gating-ML/v2.0/datatypes">"""

EVERY_KIND = (
    HEAD
    + """
<transforms:transformation transforms:id="bent" transforms:boundMax="0.9">
  <transforms:logicle transforms:T="10000" transforms:W="0.5" transforms:M="4.5" transforms:A="0" />
</transforms:transformation>
<transforms:transformation transforms:id="share" transforms:boundMin="0">
  <transforms:fratio transforms:A="2" transforms:B="1" transforms:C="-1">
    <data-type:fcs-dimension data-type:name="A" /><data-type:fcs-dimension data-type:name="B" />
  </transforms:fratio>
</transforms:transformation>
<transforms:spectrumMatrix transforms:id="spill">
  <transforms:fluorochromes>
    <data-type:fcs-dimension data-type:name="FITC" /><data-type:fcs-dimension data-type:name="PE" />
  </transforms:fluorochromes>
  <transforms:detectors>
    <data-type:fcs-dimension data-type:name="A" /><data-type:fcs-dimension data-type:name="B" />
  </transforms:detectors>
  <transforms:spectrum><transforms:coefficient transforms:value="1" /><transforms:coefficient transforms:value="0.2" />
  </transforms:spectrum>
  <transforms:spectrum><transforms:coefficient transforms:value="0.1" /><transforms:coefficient transforms:value="1" />
  </transforms:spectrum>
</transforms:spectrumMatrix>
<gating:RectangleGate gating:id="box">
  <data-type:custom_info><cytobank><name>Big box</name></cytobank></data-type:custom_info>
  <gating:dimension gating:compensation-ref="spill" gating:min="100" gating:max="5000">
    <data-type:fcs-dimension data-type:name="FITC" /></gating:dimension>
  <gating:dimension gating:compensation-ref="uncompensated" gating:max="0.8" gating:transformation-ref="bent">
    <data-type:fcs-dimension data-type:name="B" /></gating:dimension>
  <gating:dimension gating:compensation-ref="FCS" gating:min="1">
    <data-type:new-dimension data-type:transformation-ref="share" /></gating:dimension>
</gating:RectangleGate>
<gating:PolygonGate gating:id="triangle" gating:parent_id="box">
  <gating:dimension gating:compensation-ref="uncompensated"><data-type:fcs-dimension data-type:name="A" />
  </gating:dimension>
  <gating:dimension gating:compensation-ref="uncompensated" gating:transformation-ref="bent">
    <data-type:fcs-dimension data-type:name="B" /></gating:dimension>
  <gating:vertex><gating:coordinate data-type:value="0" /><gating:coordinate data-type:value="0.1" /></gating:vertex>
  <gating:vertex><gating:coordinate data-type:value="9000" /><gating:coordinate data-type:value="0.2" /></gating:vertex>
  <gating:vertex><gating:coordinate data-type:value="500" /><gating:coordinate data-type:value="0.95" /></gating:vertex>
</gating:PolygonGate>
<gating:EllipsoidGate gating:id="egg">
  <gating:dimension gating:compensation-ref="uncompensated"><data-type:fcs-dimension data-type:name="A" />
  </gating:dimension>
  <gating:dimension gating:compensation-ref="uncompensated"><data-type:fcs-dimension data-type:name="B" />
  </gating:dimension>
  <gating:mean><gating:coordinate data-type:value="4000" /><gating:coordinate data-type:value="3000" /></gating:mean>
  <gating:covarianceMatrix>
    <gating:row><gating:entry data-type:value="4000000" /><gating:entry data-type:value="1000000" /></gating:row>
    <gating:row><gating:entry data-type:value="1000000" /><gating:entry data-type:value="2000000" /></gating:row>
  </gating:covarianceMatrix>
  <gating:distanceSquare data-type:value="1.5" />
</gating:EllipsoidGate>
<gating:QuadrantGate gating:id="four" gating:parent_id="egg">
  <gating:divider gating:id="one" gating:compensation-ref="uncompensated">
    <data-type:fcs-dimension data-type:name="A" /><gating:value>4000</gating:value></gating:divider>
  <gating:divider gating:id="two" gating:compensation-ref="uncompensated">
    <data-type:fcs-dimension data-type:name="B" /><gating:value>2500</gating:value></gating:divider>
  <gating:Quadrant gating:id="++"><gating:position gating:divider_ref="one" gating:location="5000" />
    <gating:position gating:divider_ref="two" gating:location="5000" /></gating:Quadrant>
  <gating:Quadrant gating:id="-+"><gating:position gating:divider_ref="one" gating:location="0" />
    <gating:position gating:divider_ref="two" gating:location="5000" /></gating:Quadrant>
  <gating:Quadrant gating:id="--"><gating:position gating:divider_ref="one" gating:location="0" />
    <gating:position gating:divider_ref="two" gating:location="0" /></gating:Quadrant>
  <gating:Quadrant gating:id="+-"><gating:position gating:divider_ref="one" gating:location="5000" />
    <gating:position gating:divider_ref="two" gating:location="0" /></gating:Quadrant>
</gating:QuadrantGate>
<gating:BooleanGate gating:id="both"><gating:or>
  <gating:gateReference gating:ref="triangle" /><gating:gateReference gating:ref="++" gating:use-as-complement="true" />
</gating:or></gating:BooleanGate>
<gating:BooleanGate gating:id="neither"><gating:not><gating:gateReference gating:ref="both" /></gating:not>
</gating:BooleanGate>
</gating:Gating-ML>"""
)


def _custom(name: str, more: str = "") -> str:
    return f"<data-type:custom_info><cytobank><name>{name}</name>{more}</cytobank></data-type:custom_info>"


def _dimension(channel: str, more: str = "", compensation: str = "FCS") -> str:
    return f"""<gating:dimension gating:compensation-ref="{compensation}" {more}>
      <data-type:fcs-dimension data-type:name="{channel}" /></gating:dimension>"""


def _cells(id: str, file: str, low: float) -> str:
    said = f"<gate_id>21</gate_id><fcs_file_filename>{file}</fcs_file_filename>"
    box = _dimension("FSC-A", f'gating:min="{low}" gating:max="900"')
    return f'<gating:RectangleGate gating:id="{id}">{_custom("cells gate", said)}{box}</gating:RectangleGate>'


def _gate_set(number: int, name: str, *refs: str) -> str:
    listed = "".join(f'<gating:gateReference gating:ref="{ref}" />' for ref in refs)
    said = _custom(name, f"<gate_set_id>{number}</gate_set_id>")
    return (
        f'<gating:BooleanGate gating:id="GateSet_{number}">{said}<gating:and>{listed}</gating:and></gating:BooleanGate>'
    )


_SEEN = '"scale":{"x":{"flag":4,"argument":"150","min":-200.0,"max":262144.0},"y":{"flag":1,"min":1.0,"max":9.0}}'
_SCALED = 'gating:transformation-ref="Tr_Arcsinh_150"'
_TURNED = '"quadrant":{"x":1.5,"y":2.5,"angles":[0.1,1.5707963267948966,3.141592653589793,4.7]}'
CYTOBANK = (
    HEAD
    + """<transforms:spectrumMatrix transforms:id="Spill_6"><data-type:custom_info><cytobank>
  <cytobank_compensation_name>one.fcs - spill string</cytobank_compensation_name></cytobank></data-type:custom_info>
  <transforms:fluorochromes><data-type:fcs-dimension data-type:name="SSC-A" /></transforms:fluorochromes>
  <transforms:detectors><data-type:fcs-dimension data-type:name="SSC-A" /></transforms:detectors>
  <transforms:spectrum><transforms:coefficient transforms:value="1" /></transforms:spectrum></transforms:spectrumMatrix>
<transforms:transformation transforms:id="Tr_Arcsinh_150">
  <transforms:fasinh transforms:T="176.2801790465702" transforms:M="0.43429448190325176" transforms:A="0" />
</transforms:transformation>"""
    + _cells("Gate_1", "", 100)
    + _cells("Gate_1b", "one.fcs", 150)
    + f"""<gating:RectangleGate gating:id="Gate_2">
  {_custom("T gate", "<gate_id>22</gate_id><definition>{" + _SEEN + "}</definition>")}
  {_dimension("PE-A", f'gating:min="0.5" gating:max="7" {_SCALED}')}
  {_dimension("SSC-A", 'gating:max="800"', "Spill_6")}</gating:RectangleGate>
<gating:QuadrantGate gating:id="Gate_3">
  {_custom("CD4 by CD8", "<gate_id>23</gate_id><definition>{" + _TURNED + "}</definition>")}"""
    + "".join(
        f"""<gating:divider gating:id="d{place}" gating:compensation-ref="FCS" {_SCALED}>
  <data-type:fcs-dimension data-type:name="{channel}" /><gating:value>{place + 0.5}</gating:value></gating:divider>"""
        for place, channel in ((1, "PE-A"), (2, "FITC-A"))
    )
    + "".join(
        f"""<gating:Quadrant gating:id="Gate_3{side}"><gating:position gating:divider_ref="d1" gating:location="{x}" />
  <gating:position gating:divider_ref="d2" gating:location="{y}" /></gating:Quadrant>"""
        for side, x, y in (("UR", 3, 3), ("UL", 0, 3), ("LL", 0, 0), ("LR", 3, 0))
    )
    + "</gating:QuadrantGate>"
    + _gate_set(13, "CD4", "Gate_1", "Gate_3UR", "Gate_2")
    + _gate_set(14, "CD8", "Gate_1", "Gate_2", "Gate_3UL")
    + _gate_set(15, "not CD4", "Gate_1", "Gate_2", "Gate_3UR").replace(
        'gating:ref="Gate_3UR"', 'gating:ref="Gate_3UR" gating:use-as-complement="true"'
    )
    + _gate_set(12, "T cells", "Gate_1", "Gate_2")
    + _gate_set(11, "Cells", "Gate_1", "Gate_1")
    + "</gating:Gating-ML>"
)
"""Populations of Cytobank: gate sets over flat gates, one of which one.fcs has for itself."""


def scale_values(path: Path) -> Callable[[str], np.ndarray]:
    """The channels of an FCS file as Gating-ML wants them: logarithms taken out, divided by the gain."""
    header = read_headers(FileSource(path))[0]
    events = read_events(header).astype(np.float64)
    places = {channel.name: place for place, channel in enumerate(header.channels)}
    gains = [channel.gain if not channel.is_log else 1.0 for channel in header.channels]
    return lambda name: events[places[name]] / gains[places[name]]
