#!/bin/sh
# In CI, as root, on Debian: installs the programs that no Python package brings. At home it does nothing; tests that need
# an absent one skip with that reason.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v nginx >/dev/null 2>&1 || missing="$missing nginx-light"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v pdftotext >/dev/null 2>&1 || missing="$missing poppler-utils"
command -v zip >/dev/null 2>&1 || missing="$missing zip"
# judges of the Seurat files and of the guide for R; with Seurat itself 85 packages, 48 s
command -v Rscript >/dev/null 2>&1 || missing="$missing r-base-core"
for package in matrix seuratobject seurat jsonlite httr; do
    dpkg -s "r-cran-$package" >/dev/null 2>&1 || missing="$missing r-cran-$package"
done
[ -n "$missing" ] || exit 0
if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Not here:$missing (tests that need it skip)" >&2
fi
