"""Tells genes from cells by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cytosol.formats.features import looks_like_ensembl

_SAMPLE = 2000
_CLEAR = 0.15
_FAMILY = re.compile(
    r"^("
    r"RPL|RPS|MRP[LS]|MT-|HLA-|LINC|MIR|SNOR[AD]|KIAA|ZNF|ZFP|OR\d+[A-Z]|SLC\d|TMEM|FAM\d|CCDC|COL\d|"
    r"CD\d|IL\d|CC[LR]\d|CXC[LR]|TNFR?SF|TNF|IFN|KRT|HIST|H[1234][ABC-]|IGH|IGK|IGL|TR[ABDG][VCJ]|"
    r"RP\d+-|CT[ABCD]-|A[CLFP]\d{5,6}\.|GM\d+$|[A-Z0-9]+RIK$|MAP[23]?K|UBE2|UBQ|RAB\d|RAS|RHO[A-Z]|"
    r"ATP\d|NDUF|COX\d|PSM[ABCD]|EIF\d|EEF|HSP|DNAJ|GPR\d|ARHG|ANKRD|WDR\d|TRIM\d|USP\d|CYP\d|SERPIN|"
    r"S100A|LRRC?\d|C\d+ORF\d+|C[XY]ORF\d+|ERCC-|SOX\d|FOX[A-Z]\d|HOX[ABCD]|PAX\d|STAT\d|SMAD\d|NOTCH|"
    r"WNT\d|FGF|BMP\d"
    r")",
    re.IGNORECASE,
)
_KNOWN = frozenset(
    """
    ACTB GAPDH B2M MALAT1 NEAT1 XIST FTH1 FTL TMSB4X TMSB10 PTPRC MS4A1 GNLY NKG7 LYZ CST3 FCGR3A FCER1A PPBP
    PF4 TYROBP AIF1 MKI67 TOP2A PCNA EPCAM VIM ALB INS GCG APOE TTR LUM DCN ACTA2 PECAM1 VWF TP53 EGFR MYC
    JUN FOS BRCA1 BRCA2 KRAS PTEN RB1 GZMA GZMB GZMK PRF1 LEF1 TCF7 SELL CTSS LST1 FCN1 VCAN KLRB1 KLRD1
    KLRF1 TRAC IGHM IGKC JCHAIN MZB1 HBA1 HBA2 HBB SNAP25 GAD1 GAD2 SLC17A7 AQP4 GFAP MBP PLP1 MOG OLIG1
    OLIG2 PDGFRA PDGFRB CX3CR1 P2RY12 STMN2 NRXN1 SYT1 RBFOX3 A1BG A2M NOC2L SAMD11 KLHL17 PLEKHN1 HES4 ISG15
    AGRN TNFRSF18 TNFRSF4 SDF4 CPSF3L GLTPD1 AURKAIP1 CCNL2 SSU72 GNB1 SKI PRDM16 XKR4 SOX17 LYPLA1 TCEA1
    RGS20 OPRK1 NPBWR1 RB1CC1 PCMTD1 DDX11L1 WASH7P SPARC MGP TAGLN CALD1 ENO1 PGK1 LDHA TUBA1B TUBB
    """.split()
)
_BARCODE = re.compile(r"(^|[^A-Z])[ACGT]{8,}([_.:+-][ACGT]{6,})*([-_.]\w{1,20})?$")
_NUMBERED = re.compile(
    r"^(cell|c|v|x|sample|well|bc|barcode|s|spot|obs|id)?[ _.-]?\d+$|^[A-P]\d{1,2}$|^[0-9a-f]{16,}$", re.IGNORECASE
)
_GENE_CORNER = re.compile(r"gene|symbol|feature|ensembl|protein|marker", re.IGNORECASE)
_CELL_CORNER = re.compile(r"cell|barcode|sample|spot|well|obs", re.IGNORECASE)
_DATE = re.compile(
    r"^(\d{1,2}-(mar|sep|sept|dec|march|december)|(mar|sep|sept|dec|march|december)-\d{1,2})$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Orientation:
    """Whether the rows of a text matrix are genes, and the reason in words."""

    rows_are_genes: bool
    reason: str
    certain: bool


def gene_share(names: Sequence[str]) -> float:
    """Share of names that read like genes minus the share that read like cells, from -1 to 1."""
    step = max(1, len(names) // _SAMPLE)
    sample = [name.strip() for name in names[::step]]
    genes = sum(
        looks_like_ensembl(name) or name.upper() in _KNOWN or _FAMILY.match(name) is not None for name in sample
    )
    cells = sum(_BARCODE.search(name) is not None or _NUMBERED.match(name) is not None for name in sample)
    return (genes - cells) / max(len(sample), 1)


def find_orientation(corner: str, rows: Sequence[str], columns: Sequence[str]) -> Orientation:
    """Tell whether rows or columns are genes, by names, by the corner cell, at last by their number.

    Parameters
    ----------
    corner : the cell above the row names, "" if there is none
    rows, columns : names
    """
    by_row, by_column = gene_share(rows), gene_share(columns)
    if abs(by_row - by_column) >= _CLEAR:
        genes_in_rows = by_row > by_column
        ids = sum(map(looks_like_ensembl, (rows if genes_in_rows else columns)[:100])) > 50
        side = "row" if genes_in_rows else "column"
        return Orientation(genes_in_rows, f"the {side} names read like {'gene ids' if ids else 'genes'}", True)
    if _GENE_CORNER.search(corner):
        return Orientation(True, f"the first column is called '{corner}'", True)
    if _CELL_CORNER.search(corner):
        return Orientation(False, f"the first column is called '{corner}'", True)
    more_rows = len(rows) >= len(columns)
    return Orientation(
        more_rows, f"there are {len(rows)} rows and {len(columns)} columns and the names do not tell", False
    )


def count_dates(names: Sequence[str]) -> int:
    """Gene names that a spreadsheet turned into dates (MARCH1 to 1-Mar)."""
    return sum(_DATE.match(name) is not None for name in names)
