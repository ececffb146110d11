#!/bin/sh
# All checks: lint, format, types, import rules, tests. With arguments: pytest with just these.
set -eu
cd "$(dirname "$0")"
. tools/environment.sh
make_environment requirements.txt requirements-dev.txt

if [ $# -gt 0 ]; then
    exec .venv/bin/python -m pytest "$@"
fi

.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/lint-imports
# What fails is run once more, alone, and named: beside others, a busy machine may be too slow for it.
check() {
    marked=$1
    shift
    status=0
    .venv/bin/python -m pytest "$@" -m "$marked" || status=$?
    [ "$status" -eq 1 ] || return "$status"
    echo "Once more, alone: what failed."
    .venv/bin/python -m pytest --last-failed --last-failed-no-failures=none -m "$marked"
}

no_browser=
if ! command -v chromium >/dev/null; then
    no_browser="Left out: the browser tests. They need Debian's chromium: apt install chromium fonts-nanum"
    echo "$no_browser"
fi
check "not kubeflow${no_browser:+ and not e2e}" -n 2 --dist loadfile
# After the others: they share one cluster, and pods need the processors.
if [ -n "${KFP_ENDPOINT:-}" ]; then
    check "kubeflow and not alone" -n 2 --dist loadfile
    check alone
else
    echo "Left out: the tests of Kubeflow. Point them at any Kubeflow Pipelines: KFP_ENDPOINT=http://…"
fi
[ -z "$no_browser" ] || echo "$no_browser"
