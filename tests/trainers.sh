#!/bin/sh
# Adds to .venv what the training code of the challenges runs on: the pins of the curated images, torch for CPUs.
# Needs the same index settings as `make setup`; torch's CPU build comes from a folder of wheels or PyTorch's own index.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
[ -x "$uv" ] || uv=$(command -v uv)

settings=$(.venv/bin/python worker/src/medici_worker/images/index_settings.py)
eval "$settings"
export VIRTUAL_ENV="$PWD/.venv"
images=worker/images
torch="--no-deps -r $images/torch/torch.txt"
# shellcheck disable=SC2086
"$uv" pip install --quiet $torch 2>/dev/null || "$uv" pip install --quiet --torch-backend cpu $torch
for pins in "$images"/python "$images"/torch "$images"/monai "$images"/timm; do
    "$uv" pip install --quiet --no-deps --require-hashes -r "$pins/requirements.txt"
done
"$uv" pip install --quiet --no-deps --require-hashes -r tests/trainers.txt
