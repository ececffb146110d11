#!/bin/sh
# Start Slipway: makes .venv when need be, then the dashboard with MLflow behind it.
# Options: --volume DIR  --port N  --mlflow URI  --host H   (see README.md)
set -eu
called_from=$PWD
cd "$(dirname "$0")"
. tools/environment.sh
make_environment requirements.txt
exec .venv/bin/python -m pipeline.serve --called-from "$called_from" "$@"
