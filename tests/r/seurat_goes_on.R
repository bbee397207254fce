# Goes on in Seurat with an exported study, and writes what it finds as JSON: Rscript seurat_goes_on.R FILE.rds FOUND.json
suppressMessages({library(Seurat); library(jsonlite)})
arguments <- commandArgs(TRUE)
study <- readRDS(arguments[1])
data <- GetAssayData(study, slot = "data")
again <- NormalizeData(study, verbose = FALSE)
same <- isTRUE(all.equal(GetAssayData(again, slot = "data"), data, tolerance = 1e-6))
Idents(study) <- "donor"
groups <- sort(as.character(unique(Idents(study))))
markers <- function(test) {
  table <- FindMarkers(study, groups[1], groups[2], test.use = test, logfc.threshold = 0, min.pct = 0, verbose = FALSE)
  list(feature = rownames(table), p = table$p_val)
}
by_t <- markers("t")
by_ranks <- markers("wilcox")
study <- FindNeighbors(study, reduction = "pca", dims = 1:5, k.param = 10, verbose = FALSE)
study <- FindClusters(study, verbose = FALSE)
found <- list(
  version = as.character(packageVersion("Seurat")), active = DefaultAssay(study), reductions = Reductions(study),
  groups = groups, same = same, t = by_t, wilcox = by_ranks, graphs = names(study@graphs),
  n_clusters = nlevels(study$seurat_clusters)
)
write_json(found, arguments[2], digits = NA, auto_unbox = TRUE)
