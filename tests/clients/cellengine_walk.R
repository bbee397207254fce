# Calls every exported function of the CellEngine toolkit for R, unmodified, and writes down what each gave.
#
# Rscript cellengine_walk.R LIBRARY BASE_URL SIGN_IN FILES OUT: the library in which the toolkit is installed, "token" or
# "password" (the credentials are in the environment, where the toolkit looks for them), the folder of the files, and the
# JSON file to write: a list of {call, label, value} or {call, label, error}.
arguments <- commandArgs(trailingOnly = TRUE)
.libPaths(c(arguments[1], .libPaths()))
library(cellengine)
files <- arguments[4]
seen <- list()
CLIENT <- asNamespace("cellengine")

# A call under a label; its value goes on, NULL where it failed.
run <- function(call, expression, label = call, keep = identity) {
  found <- tryCatch(list(value = expression), error = function(e) list(error = conditionMessage(e)))
  told <- if (is.null(found$error)) list(value = tryCatch(keep(found$value), error = function(e) conditionMessage(e))) else found
  seen[[length(seen) + 1]] <<- c(list(call = call, label = label), told)
  invisible(found$value)
}
id <- function(x) x$`_id`
status <- function(response) response$status_code
raw_of <- function(path) readBin(path, "raw", file.size(path))

# -- signing in --------------------------------------------------------------------------------------------------------
setServer(paste0(arguments[2], "/"))
if (arguments[3] == "token") {
  run("authenticate", authenticate())
} else {
  run("authenticate", authenticate("ada@example.org", "wrong"), "a wrong password")
  run("authenticate", authenticate())
}
run("setServer", CLIENT$pkg.env$baseURL)
run("generateId", generateId())

# -- experiments -------------------------------------------------------------------------------------------------------
blank <- run("createExperiment", createExperiment(), "blank")
run("deleteExperiment", deleteExperiment(id(blank)), keep = status)
run("getExperiment", getExperiment(id(blank)), "deleted")
made <- run("createExperiment", createExperiment(list(name = 'R, "walk" (1)', comments = "hello", tags = "one")))
e <- id(made)
run("getExperiment", getExperiment(e))
run("getExperiment", getExperiment(byName('R, "walk" (1)')), "by name", id)
run("byName", class(byName("x")))
run("getExperiments", getExperiments(list(query = 'eq(name, "R, "walk" (1)")', fields = "+name", limit = 2)))
run("updateExperiment", updateExperiment(e, list(name = "R walk", activeCompensation = FILE_INTERNAL, tags = c("a", "b"))))
run("updateExperiment", updateExperiment(e, list(primaryResearcher = NULL, deleted = NULL)), "nulls", function(x) x$name)

# -- files -------------------------------------------------------------------------------------------------------------
first <- run("uploadFcsFile", uploadFcsFile(e, file.path(files, "a b.fcs")))
second <- run("uploadFcsFile", uploadFcsFile(byName("R walk"), file.path(files, "second.fcs")), "by name")
f <- id(first)
run("getFcsFiles", getFcsFiles(e), keep = function(x) sapply(x, id))
run("getFcsFile", getFcsFile(e, byName("a b.fcs")), "by name")
annotations <- list(list(name = "dose", value = 2.5), list(name = "drug", value = "x"), list(name = "dose", value = 3))
run("annotateFcsFile", annotateFcsFile(e, f, annotations), keep = function(x) x$annotations)
frame <- data.frame(name = c("day", "note"), value = c("1", NA))
run("annotateFcsFile", annotateFcsFile(e, f, frame), "a data frame", function(x) x$annotations)
run("annotateFcsFile", annotateFcsFile(e, f, list()), "none", function(x) x$annotations)
run("annotateFcsFile", annotateFcsFile(byName("R walk"), f, annotations), "an experiment by name")
panel <- list(list(index = 1, channel = "FSC-A"), list(index = 7, channel = "Blue530-A", reagent = "CD3"))
run("setFcsFilePanel", setFcsFilePanel(e, f, "Panel X", panel), keep = function(x) list(x$panelName, x$panel))
run("updateFcsFile", updateFcsFile(e, f, list(isControl = TRUE, compensation = UNCOMPENSATED)), "a control")
run("getFcsFiles", getFcsFiles(e), "no controls", length)
run("getFcsFiles", getFcsFiles(e, list(includeControls = TRUE)), "controls", length)
run("updateFcsFile", updateFcsFile(e, f, list(isControl = FALSE, compensation = FILE_INTERNAL, filename = "first.fcs")),
    keep = function(x) list(x$isControl, x$compensation, x$filename))
run("deleteFcsFile", deleteFcsFile(e, id(second)), keep = status)
run("getFcsFile", getFcsFile(e, id(second)), "deleted")
run("updateFcsFile", updateFcsFile(e, id(second), list(deleted = NULL)), "brought back", id)

# -- gates and populations ---------------------------------------------------------------------------------------------
both <- function(x) list(gate = x$gate, population = x$population, populations = x$populations)
rectangle <- run("createRectangleGate", keep = both, createRectangleGate(
  e, "FSC-A", "SSC-A", "low", 30000, 100000, 10000, 60000.123456789, parentPopulationId = UNGATED))
g <- rectangle$gate$gid
p <- id(rectangle$population)
run("createRectangleGate", createRectangleGate(e, "FSC-A", "SSC-A", "x", 1, 2, 3, 4), "without a parent")
ellipse <- run("createEllipseGate", keep = both, createEllipseGate(
  e, "FSC-A", "SSC-A", "round", 60000, 60000, 0.3, 50000, 20000, parentPopulationId = byName("low")))
corners <- list(c(1.5, 4), c(2000, 40000), c(50000, 5))
run("createPolygonGate", createPolygonGate(e, "FSC-A", "SSC-A", "three", corners, parentPopulationId = p), keep = both)
run("createPolygonGate", keep = both, label = "with a label", createPolygonGate(
  e, "FSC-A", "SSC-A", "labelled", corners, label = c(1, 2), parentPopulationId = UNGATED))
range <- run("createRangeGate", createRangeGate(e, "Blue530-A", "bright", 1, 3, parentPopulationId = UNGATED), keep = both)
run("createQuadrantGate", keep = both, createQuadrantGate(
  e, "FSC-A", "SSC-A", "four", 60000, 50000, parentPopulationId = UNGATED))
run("createSplitGate", keep = both, label = "with labels", createSplitGate(
  e, "FSC-A", "two", 60000, labels = list(c(1, 0.95), c(2, 0.95)), parentPopulationId = UNGATED))
split <- run("createSplitGate", createSplitGate(e, "FSC-A", "halves", 60000, parentPopulationId = UNGATED), keep = both)
whole <- run("createRectangleGate", keep = both, label = "of all files", createRectangleGate(
  e, "FSC-A", "SSC-A", "tailored", 10, 1000, 10, 1000, tailoredPerFile = TRUE, createPopulation = FALSE))
run("createRectangleGate", keep = both, label = "of one file", createRectangleGate(
  e, "FSC-A", "SSC-A", "tailored", 10, 2000, 10, 1000, gid = whole$gate$gid, tailoredPerFile = TRUE,
  fcsFileId = byName("first.fcs")))
run("createGates", keep = function(x) lapply(x, function(gate) gate$model), createGates(e, list(
  list(type = "RectangleGate", name = "r", xChannel = "a", yChannel = "b", model = list(rectangle = list(x1 = 1, x2 = 2, y1 = 3, y2 = 4))),
  list(type = "EllipseGate", name = "e", xChannel = "a", yChannel = "b",
       model = list(ellipse = list(center = c(1, 2), major = 2, minor = 3, angle = 0.1))),
  list(type = "PolygonGate", name = "p", xChannel = "a", yChannel = "b",
       model = list(polygon = list(vertices = matrix(c(1, 4, 2, 4, 5, 5), ncol = 2, byrow = TRUE)))))))
run("getGates", getGates(e, list(fields = "+name,+gid")), keep = function(x) x[[1]])
run("getGate", getGate(e, byName("round")), "by name", function(x) x$model)
run("updateGate", updateGate(e, id(rectangle$gate), list(name = "low 2", locked = TRUE)))
run("updateGate", updateGate(e, id(rectangle$gate), list(locked = FALSE)), "unlocked", function(x) x$locked)
run("updateGateFamily", updateGateFamily(e, g, list(name = "low 3")))
run("updateGateFamily", updateGateFamily(e, generateId(), list(name = "none")), "none")
run("createPopulation", createPopulation(e, "both", list("$and" = c(g, ellipse$gate$gid)), ellipse$gate$gid))
either <- sprintf('{"$and": ["%s", {"$or": ["%s", "%s"]}]}', g, ellipse$gate$gid, split$gate$model$gids[1])
run("createPopulation", createPopulation(e, "either", either, NULL, parentId = p), "of a text")
run("getPopulations", getPopulations(e, list(fields = "+name")), keep = function(x) sapply(x, function(one) one$name))
run("getPopulation", getPopulation(e, byName("either")), "by name", function(x) x$uniqueName)
run("updatePopulation", updatePopulation(e, p, list(name = "Low")), keep = function(x) x$name)
lookup <- createLookup(e)
run("createLookup", list(lookup("gates", "round")$name, lookup("populations", "both")$name,
                         lookup("fcsfiles", "first.fcs")$filename, length(lookup("gates"))))

# -- compensations and scales ------------------------------------------------------------------------------------------
dyes <- c("Blue530-A", "Vio450-A")
matrix2 <- matrix(c(1, 0.1, 0.02, 1), nrow = 2, byrow = TRUE, dimnames = list(dyes, dyes))
compensation <- run("createCompensation", createCompensation(e, "of a matrix", matrix2))
other <- run("createCompensation", createCompensation(e, "of a vector", c(1, 0, 0.5, 1), c("a", "b")), "of a vector")
run("getCompensation", getCompensation(e, byName("of a vector")), "by name")
run("getCompensations", getCompensations(e), keep = function(x) sapply(x, function(one) one$name))
run("updateCompensation", updateCompensation(e, id(compensation), list(name = "C", spillMatrix = c(1, 0.2, 0.3, 1))))
run("deleteCompensation", deleteCompensation(e, id(other)), keep = status)
scales <- run("getScaleSets", getScaleSets(e), keep = function(x) x[[1]])
run("applyScale", applyScale(list(type = "ArcSinhScale", minimum = -200, maximum = 1e5, cofactor = 5), c(-250, 10, 50000), clampQ = TRUE))
run("applyScaleSet", applyScaleSet(scales[[1]], data.frame(Time = 1)))

# -- events ------------------------------------------------------------------------------------------------------------
run("getEvents", getEvents(e, f))
run("getEvents", getEvents(e, f, format = "TSV"), "TSV")
run("getEvents", getEvents(e, f, format = "TSV", headerQ = FALSE, subsampling = list(preSubsampleN = 5, seed = 2.25)), "without header")
run("getEvents", label = "of a population", getEvents(
  e, byName("first.fcs"), populationId = byName("Low"), compensation = FILE_INTERNAL, compensatedQ = TRUE, format = "TSV",
  addEventNumber = TRUE))
path <- tempfile(fileext = ".fcs")
run("getEvents", label = "to disk", keep = function(x) raw_of(path), getEvents(e, f, destination = path))
run("getEvents", getEvents(e, f, destination = list(host = "b.s3.amazonaws.com", path = "/a")), "to a bucket")
zip <- tempfile(fileext = ".zip")
run("downloadFcsFiles", downloadFcsFiles(e, "fcs", zip), keep = function(x) unzip(zip, list = TRUE)$Name)
run("downloadFcsFiles", label = "of a population", keep = function(x) {
  found <- unzip(zip, exdir = tempdir())
  list(basename(found), length(readLines(found[1])))
}, downloadFcsFiles(
  e, "tsv (with header)", zip, overwrite = TRUE, fcsFileIds = f, populationIds = p, compensationId = FILE_INTERNAL,
  filenameTemplate = "{fcsfile.filename} {population.name}"))

# -- statistics and plots ----------------------------------------------------------------------------------------------
names <- c("mean", "median", "quantile", "mad", "geometricmean", "cv", "stddev", "eventcount", "percent")
for (layout in c("medium", "tall-skinny", "short-wide")) {
  run("getStatistics", label = layout, getStatistics(
    e, fcsFileIds = c(f, id(second)), channels = c("FSC-A", "Vio605-A"), statistics = names, compensationId = FILE_INTERNAL,
    populationIds = p, q = 0.9, layout = layout))
}
run("getStatistics", label = "by name", getStatistics(
  e, fcsFiles = "first.fcs", channels = "FSC-A", statistics = "mean", populations = c("Low", "both"), compensationId = UNCOMPENSATED))
run("getStatistics", label = "ungated", getStatistics(e, statistics = "eventcount", compensationId = PER_FILE, includeAnnotations = FALSE))
run("getStatistics", label = "percent of several", getStatistics(
  e, fcsFileIds = f, statistics = "percent", compensationId = FILE_INTERNAL, populations = "both", percentOf = c("Low", "PARENT", UNGATED)))
run("getStatistics", getStatistics(e, statistics = "mean", compensationId = 0, populations = "nobody"), "no such population")
run("getErrorInfo", getErrorInfo())
for (kind in c("dot", "density", "contour")) run("getPlot", getPlot(e, f, kind, "FSC-A", "SSC-A", display = FALSE), kind)
run("getPlot", label = "histogram", getPlot(e, f, "histogram", "FSC-A", display = FALSE, destination = tempfile(), params = list(
  width = 300, height = 200, color = "#ff0000", populationId = p, compensation = FILE_INTERNAL, xAxisLabelQ = FALSE, strokeThickness = 2)))
run("getPlot", getPlot(e, f, "dot", "nothing", "SSC-A", display = FALSE), "no such channel")

# -- attachments, and what is deleted ----------------------------------------------------------------------------------
note <- file.path(files, "note.txt")
attachment <- run("uploadAttachment", uploadAttachment(e, note))
run("getAttachments", getAttachments(e), keep = length)
run("downloadAttachment", rawToChar(downloadAttachment(e, byName("note.txt"))))
run("deleteGates", deleteGates(e, gid = range$gate$gid), "a family", status)
run("deleteGates", deleteGates(e, gateId = id(split$gate)), keep = status)
run("deletePopulationAuto", deletePopulationAuto(e, p), keep = status)
run("getPopulations", getPopulations(e), "without the branch", function(x) sapply(x, function(one) one$name))
run("deleteExperiment", deleteExperiment(e), "again", status)

# -- objects of flowCore, which has these slots ------------------------------------------------------------------------
again <- id(createExperiment(list(name = "of flowCore")))
setClass("rectangleGate", representation(min = "numeric", max = "numeric"))
setClass("ellipsoidGate", representation(cov = "matrix", mean = "numeric"))
setClass("polygonGate", representation(boundaries = "matrix"))
setClass("compensation", representation(spillover = "matrix"))
axes <- c("FSC-A", "SSC-A")
objects <- list(
  rectangle = new("rectangleGate", min = setNames(c(1, 2), axes), max = setNames(c(3, 4), axes)),
  ellipse = new("ellipsoidGate", cov = matrix(c(4, 0, 0, 1), 2, dimnames = list(axes, axes)), mean = c(5, 6)),
  polygon = new("polygonGate", boundaries = matrix(c(1, 2, 3, 1, 5, 1), 3, dimnames = list(NULL, axes))))
for (name in names(objects)) {
  run("fromFlowCore", label = name, keep = function(x) x$gate$model,
      fromFlowCore(objects[[name]], again, name, parentPopulationId = UNGATED))
}
run("fromFlowCore", label = "polygon with a label", keep = function(x) x$gate$model,
    fromFlowCore(objects$polygon, again, "labelled", label = c(1, 2), parentPopulationId = UNGATED))
run("fromFlowCore", fromFlowCore(new("compensation", spillover = matrix2), again, "C"), "compensation")
deleteExperiment(again)

run("exports", sort(getNamespaceExports("cellengine")))
jsonlite::write_json(seen, arguments[5], auto_unbox = TRUE, digits = NA, null = "null", na = "null", raw = "base64", force = TRUE)
