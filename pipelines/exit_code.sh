#!/bin/sh
# The exit code of a command, a line "CODE NAME" in a file if it is not 0: exit_code.sh FILE OUT NAME COMMAND ARGS...
#
# Runs the command, hands on what ends this shell, and ends as it does. NAME is that of the video it works at, - for
# none. Where nothing was made of the video, nothing stays of it in OUT: neither folder nor link. For video.mk.
set -u
file=$1 out=$2 name=$3
shift 3

# without what holds no result
tidy() {
    rmdir "$out/$name/features" "$out/$name"
    [ ! -e "$out/$name" ] || return
    for link in "$out/in/$name".*; do
        [ "${link%.*}" != "$out/in/$name" ] || [ ! -L "$link" ] || rm -f "$link"
    done
    rmdir "$out/in"
}

# shellcheck source=pipelines/hand_on.sh
. "$(dirname "$0")/hand_on.sh"
hand_on "$@"
code=$?
if [ $code -ne 0 ]; then
    echo "$code $name" >>"$file"
    [ "$name" = - ] || tidy 2>/dev/null
fi
exit $code
