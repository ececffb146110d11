# Sourced by run.sh and test.sh from the repository's root: makes .venv and installs what is pinned.
#
#   make_environment FILE…    installs the requirements files when they changed since the last time,
#                             and the command `slipway`

UV_VERSION=0.13.9

make_environment() {
    install_pinned "$@"
    # A link and no package: it needs no network, and holds in a folder that is moved. Nor is it a
    # reason not to start that the folder may not be written to.
    [ -x .venv/bin/slipway ] || ln -sf ../../tools/slipway .venv/bin/slipway || true
}

install_pinned() {
    wanted=$(cat "$@" | cksum)
    if [ "$(cat .venv/.installed-"$#" 2>/dev/null)" = "$wanted" ] && usable .venv/bin/python; then
        return
    fi
    usable .venv/bin/python || make_venv
    [ -x .venv/bin/uv ] || install_uv
    echo "Installing the pinned requirements into .venv (about 6 GB once, some minutes) …"
    files=
    for file in "$@"; do files="$files -r $file"; done
    # shellcheck disable=SC2086  # one word a file
    .venv/bin/uv pip install --python .venv/bin/python $files
    echo "$wanted" >.venv/.installed-"$#"
}

make_venv() {
    python=$(find_python)
    echo "Making .venv with $("$python" --version) …"
    # Debian's python3 without python3-venv has no ensurepip: do without pip there.
    "$python" -m venv --clear .venv >/dev/null 2>&1 ||
        "$python" -m venv --clear --without-pip .venv
}

install_uv() {
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python tools/get_pip.py
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
}

find_python() {
    for name in python3.11 python3 python; do
        if usable "$name"; then
            command -v "$name"
            return
        fi
    done
    echo "Slipway needs Python 3.11, and there is none on PATH." >&2
    echo "Debian 12: apt install python3.11   ·   anywhere: https://www.python.org/downloads/" >&2
    return 1
}

usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1
}
