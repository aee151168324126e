#!/bin/sh
# Makes .venv with everything of requirements.lock and the four packages of this checkout (`make setup`).
# Needs Python 3.11 or newer and an index, a mirror or a folder of wheels; pip's and uv's own settings say where.
set -eu

missing() {
    echo "$1" >&2
    exit 1
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    return 1
}

has_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

install_venv_module() { # Debian keeps it in a package of its own
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    echo "Installing Python's venv module from this machine's packages."
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    apt-get update -qq >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive sh .ci/quietly apt-get install -y -qq --no-install-recommends "python$version-venv"
}

make_venv() {
    if has_venv; then
        "$python" -m venv --clear .venv
    elif command -v uv >/dev/null; then
        uv venv --quiet --clear --python "$python" .venv
    elif install_venv_module && has_venv; then
        "$python" -m venv --clear .venv
    else
        missing "Python's venv module is missing: install python3-venv (apt-get install python3-venv) or uv, then try again."
    fi
}

is_usable() { # a .venv from elsewhere may lack all means to install anything
    .venv/bin/python -c '' 2>/dev/null || return 1
    [ -x .venv/bin/uv ] || command -v uv >/dev/null || .venv/bin/python -m pip --version >/dev/null 2>&1
}

find_uv() {
    if ! .venv/bin/python -m uv --version >/dev/null 2>&1 && .venv/bin/python -m pip --version >/dev/null 2>&1; then
        .venv/bin/python -m pip install -qq --disable-pip-version-check "uv>=0.9,<1" >&2 || true
    fi
    if [ -x .venv/bin/uv ]; then
        echo .venv/bin/uv
    else
        command -v uv
    fi
}

python=$(find_python) || missing "MedICI needs Python 3.11 or newer: install it, or name it (make setup PYTHON=/path/to/python3.12)."
is_usable || make_venv
uv=$(find_uv) || missing "uv could not be installed with pip (its message is above): check this machine's package index settings."

settings=$("$python" worker/src/medici_worker/images/index_settings.py)
eval "$settings"
export VIRTUAL_ENV="$PWD/.venv"
"$uv" pip sync --quiet --compile-bytecode --require-hashes requirements.lock
"$uv" pip install --quiet --no-deps -e ./platform -e ./bundles -e ./bundles/training -e ./scoring -e ./worker
