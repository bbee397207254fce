#!/bin/sh
# Makes or renews a Python environment. Usage: make_environment.sh FOLDER PYTHON [EXTRAS], for example `.venv python3 dev,oracles`.
# Versions come from constraints/. uv installs where it can be had, else pip, which is slower.
set -eu
folder="$1" python="$2" extras="${3:-}"
if ! "$folder/bin/python" -c '' >/dev/null 2>&1; then
    echo "Making the environment $folder with $python" >&2
    if ! "$python" -m venv --clear "$folder" >&2; then
        rm -rf "$folder"
        echo "$python cannot make an environment. On Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
fi
"$folder/bin/uv" --version >/dev/null 2>&1 ||
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv ||
    echo "uv cannot be installed here; pip does it, which takes some minutes" >&2
version="$("$folder/bin/python" -c 'import sys; print("%d.%d" % max(sys.version_info[:2], (3, 11)))')"
constraints="constraints/py$version.txt"
[ -f "$constraints" ] || constraints="constraints/py3.12.txt"
# the page is built apart, see scripts/build_web.py
export CYTOSOL_SKIP_WEB=1
set -- -c "$constraints" -e ".[web${extras:+,$extras}]"
echo "Installing into $folder (${extras:-run time only}, $constraints)" >&2
if "$folder/bin/uv" --version >/dev/null 2>&1; then
    "$folder/bin/uv" pip install --quiet --python "$folder/bin/python" "$@"
else
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
fi
