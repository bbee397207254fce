"""The phase of the cell cycle, from the genes of S and of G2 and M."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytosol.analyses.matrix.gene_scores import SEED_MAX, ScoredMatrix, ScoreParams, score_genes
from cytosol.analyses.parameters import Params, parameter

S_GENES: tuple[str, ...] = tuple(
    """MCM5 PCNA TYMS FEN1 MCM2 MCM4 RRM1 UNG GINS2 MCM6 CDCA7 DTL PRIM1 UHRF1 CENPU HELLS RFC2 RPA2 NASP RAD51AP1
    GMNN WDR76 SLBP CCNE2 UBR7 POLD3 MSH2 ATAD2 RAD51 RRM2 CDC45 CDC6 EXO1 TIPIN DSCC1 BLM CASP8AP2 USP1 CLSPN POLA1
    CHAF1B BRIP1 E2F8""".split()
)
"""Genes of the S phase: Tirosh et al. 2016, doi:10.1126/science.aad0501; present human symbols."""
G2M_GENES: tuple[str, ...] = tuple(
    """HMGB2 CDK1 NUSAP1 UBE2C BIRC5 TPX2 TOP2A NDC80 CKS2 NUF2 CKS1B MKI67 TMPO CENPF TACC3 PIMREG SMC4 CCNB2 CKAP2L
    CKAP2 AURKB BUB1 KIF11 ANP32E TUBB4B GTSE1 KIF20B HJURP CDCA3 JPT1 CDC20 TTK CDC25C KIF2C RANGAP1 NCAPD2 DLGAP5
    CDCA2 CDCA8 ECT2 KIF23 HMMR AURKA PSRC1 ANLN LBR CKAP5 CENPE CTCF NEK2 G2E3 GAS2L3 CBX5 CENPA""".split()
)
"""Genes of G2 and M: Tirosh et al. 2016, doi:10.1126/science.aad0501; present human symbols."""
PHASES = ("G1", "S", "G2M")


@dataclass(frozen=True, slots=True)
class CellCycleParams(Params):
    """Parameters of the scores of the cell cycle."""

    n_controls: int = parameter(
        43, "Control genes taken from each level: as many as the shorter list", unit="genes", minimum=1, maximum=1000
    )
    n_levels: int = parameter(25, "Levels of mean expression of the control genes", unit="levels", minimum=2)
    seed: int = parameter(0, "Seed of the choice of control genes", minimum=0, maximum=SEED_MAX)


@dataclass(frozen=True, slots=True)
class CellCycle:
    """Scores and phase of each cell.

    Attributes
    ----------
    s, g2m : shape (n_cells,), float64; scores in the unit of the values (ln)
    phase : shape (n_cells,), int32; place in ``PHASES``
    """

    s: np.ndarray
    g2m: np.ndarray
    phase: np.ndarray


def score_cell_cycle(
    matrix: ScoredMatrix, s_genes: np.ndarray, g2m_genes: np.ndarray, params: CellCycleParams | None = None
) -> CellCycle:
    """Score S and G2/M, and name the phase.

    Parameters
    ----------
    s_genes, g2m_genes : shape (n,), places of the genes that the table has

    Raises
    ------
    InvalidInputError
        Where the table has none of the genes.

    Notes
    -----
    As Seurat's CellCycleScoring and scanpy's ``score_genes_cell_cycle``: G1 where both scores are below 0, else G2M
    where that score is the higher, else S.
    """
    params = params or CellCycleParams()
    how = ScoreParams(n_controls=params.n_controls, n_levels=params.n_levels, seed=params.seed)
    s, g2m = score_genes(matrix, s_genes, how), score_genes(matrix, g2m_genes, how)
    phase = np.where(g2m > s, 2, 1)
    phase[(s < 0) & (g2m < 0)] = 0
    return CellCycle(s, g2m, phase.astype(np.int32))
