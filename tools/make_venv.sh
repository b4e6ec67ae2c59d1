#!/bin/sh
# Make a virtual environment on a machine that may lack python3-venv: Debian and Ubuntu split ensurepip out.
set -eu
python=$1
venv=$2
[ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 && exit 0
rm -rf "$venv"
if ! "$python" -m venv "$venv" 2>/dev/null; then
    rm -rf "$venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -qq -y python3-venv
        "$python" -m venv "$venv"
    else
        echo "cannot make a virtual environment: install it with  sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi
