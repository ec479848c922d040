#!/bin/sh
# Makes the virtual environment $1 with the interpreter $2, or with the newest of Python 3.11 to 3.13 on the PATH.
set -eu
venv=$1
python=${2:-}

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

if [ -x "$venv/bin/python" ] && [ -z "$python" ] && fits "$venv/bin/python"; then
    exit 0
fi
if [ -z "$python" ]; then
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if fits "$candidate"; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "tf_denoise needs Python 3.11, 3.12 or 3.13, and none of them is on the PATH." >&2
    echo "Install one, or name it: make PYTHON=/path/to/python demo" >&2
    exit 1
fi
if ! fits "$python"; then
    echo "tf_denoise needs Python 3.11, 3.12 or 3.13; $python is not one of them." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python comes without its venv module. On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi
echo "Setting up $venv with $("$python" --version); the first time takes a few minutes."
"$python" -m venv "$venv"
