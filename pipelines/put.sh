#!/bin/sh
# What a command printed becomes a file: put.sh RECORD FILE, with .FILE.part beside it as the content
#
# RECORD has a line for each content that was put. A file that is there is replaced if it is empty or one of
# these; otherwise somebody made or edited it, and it stays. With --check FILES... instead of FILE, only
# that is looked at.
set -u
export LC_ALL=C
record=$1
shift

# line FILE NAME: its line in the record, the name without folders
line() { printf '%s %s\n' "$(cksum <"$1")" "${2##*/}"; }

# need_ours FILE
need_ours() {
    [ ! -s "$1" ] || grep -qxF "$(line "$1" "$1")" "$record" 2>/dev/null || {
        echo "$1: exists, and no pipeline wrote it as it is: move it, or give another OUT"
        exit 1
    }
}

if [ "$1" = --check ]; then
    shift
    for file; do need_ours "$file"; done
    exit 0
fi
part=$(dirname "$1")/.${1##*/}.part
if cmp -s "$part" "$1" || (need_ours "$1") >&2; then
    mkdir -p "$(dirname "$record")" && line "$part" "$1" >>"$record" && mv "$part" "$1" && exit 0
fi
rm -f "$part"
exit 1
