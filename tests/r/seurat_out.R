# Reads a Seurat object with readRDS and writes what SeuratObject finds in it: sparse matrices as MatrixMarket, the rest as JSON.
# Rscript seurat_out.R FILE.rds FOLDER
suppressMessages({library(Matrix); library(SeuratObject); library(jsonlite)})
arguments <- commandArgs(TRUE)
study <- readRDS(arguments[1])
folder <- arguments[2]
stopifnot(validObject(study), is(study, "Seurat"))
plain <- function(column) {
  if (!is.factor(column)) return(list(class = class(column), values = column))
  list(class = class(column), levels = levels(column), values = as.character(column))
}
found <- list(
  project = Project(study), active = DefaultAssay(study), cells = colnames(study), idents = as.character(Idents(study)),
  metadata = lapply(study[[]], plain), rows = rownames(study[[]]), colors = lapply(Misc(study, "colors"), as.list),
  assays = list(), reductions = list()
)
for (name in Assays(study)) {
  assay <- study[[name]]
  stopifnot(validObject(assay), validObject(GetAssayData(assay, "data")), identical(colnames(assay), colnames(study)))
  counts <- GetAssayData(assay, "counts")
  if (nrow(counts)) {
    stopifnot(validObject(counts))
    writeMM(counts, file.path(folder, paste0(name, "_counts.mtx")))
  }
  writeMM(GetAssayData(assay, "data"), file.path(folder, paste0(name, "_data.mtx")))
  found$assays[[name]] <- list(features = rownames(assay), meta = lapply(assay[[]], plain), key = Key(assay))
}
for (name in Reductions(study)) {
  reduction <- study[[name]]
  stopifnot(validObject(reduction), identical(rownames(Embeddings(reduction)), colnames(study)))
  found$reductions[[name]] <- list(values = Embeddings(reduction), columns = colnames(Embeddings(reduction)))
}
# what people do next: choose cells, fetch a gene and a coordinate
half <- subset(study, cells = colnames(study)[seq_len(ncol(study) %/% 2)])
stopifnot(ncol(half) == ncol(study) %/% 2)
wanted <- c(rownames(study)[1], found$reductions[[1]]$columns[1])
stopifnot(identical(dim(FetchData(half, wanted)), c(ncol(half), 2L)))
write_json(found, file.path(folder, "found.json"), digits = NA, na = "null", null = "null", auto_unbox = TRUE)
