#!/bin/sh
# Pins what goes into the curated images: requirements.in → requirements.txt, with hashes, each without what its parent
# has. Versions follow the platform's own lock file. Run by `make lock`; needs uv, and torch's CPU build in a folder of
# wheels (UV_FIND_LINKS or PIP_FIND_LINKS) or from PyTorch's index.
set -eu
cd "$(dirname "$0")"
export UV_CUSTOM_COMPILE_COMMAND="make lock"
export UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}"
[ -n "$UV_FIND_LINKS" ] || export UV_TORCH_BACKEND=cpu

pins() { sed -n 's/^\([A-Za-z0-9._-]*==[^ \\]*\( ; [^\\]*\)\{0,1\}\).*/\1/p' "$@"; }
names() { pins "$@" | sed 's/==.*//' | sort -u; }

constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
pins ../../requirements.lock >"$constraints"

pin() { # image, then the requirements that its parents have; $also: more files with requirements
    image=$1
    shift
    omit=$(names "$@" /dev/null | sed 's/^/--no-emit-package /')
    # shellcheck disable=SC2086
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --constraint "$constraints" \
        $omit ${also:-} "$image/requirements.in" --output-file "$image/requirements.txt"
    pins "$image/requirements.txt" >>"$constraints"
}

pin base
pin python
pin torch python/requirements.txt torch/torch.txt
pin monai python/requirements.txt torch/requirements.txt torch/torch.txt
pin timm python/requirements.txt torch/requirements.txt torch/torch.txt monai/requirements.txt
pin codalab python/requirements.txt

# The image of the platform's and the worker's packages, without ourselves.
also=$(for name in platform bundles scoring worker; do echo "../../$name/pyproject.toml --no-emit-package medici-$name"; done)
pin packages

# What the tests of training code need beside those images.
also=
omit=$(names ../../requirements.lock python/requirements.txt torch/requirements.txt torch/torch.txt monai/requirements.txt \
    timm/requirements.txt | sed 's/^/--no-emit-package /')
# shellcheck disable=SC2086
uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --constraint "$constraints" $omit \
    ../../tests/trainers.in --output-file ../../tests/trainers.txt
