#!/bin/sh
# Prints a Python that works. Usage: find_python.sh [EXACT], for example `find_python.sh 3.12`; without: 3.11 or later.
# Candidates are run, not looked up: a version manager's shim can exist and still fail.
exact="${1:-}"
if [ -n "$exact" ]; then
    set -- "python$exact" python3
    test='import sys; sys.exit("%d.%d" % sys.version_info[:2] != "'"$exact"'")'
    wanted="Python $exact"
else
    exact="3.*"
    set -- ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11
    test='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (4, 0))'
    wanted="Python 3.11 or later"
fi
for candidate in "$@" /usr/bin/python3 /usr/local/bin/python3 "$HOME"/.pyenv/versions/$exact*/bin/python3 \
    "$HOME"/.local/share/uv/python/cpython-$exact*/bin/python3; do
    if "$candidate" -c "$test" >/dev/null 2>&1; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done
found="$(python3 --version 2>&1 || true)"
echo "Cytosol needs $wanted, and none works here (python3 is: ${found:-absent})." >&2
echo "Install one (Debian: apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3" >&2
exit 1
