#!/bin/sh
# Install what mamba-va needs from Debian's packages, if something is missing.
# The list is in packages.txt: one name a line, '#' begins a comment. Lines "WORD: name" count when
# WITH="WORD..." asks for them.
set -eu
cd "$(dirname "$0")"
packages=$(sed 's/#.*//' packages.txt | awk -v with="${WITH-}" '
    BEGIN { n = split(with, asked, " "); for (i = 1; i <= n; i++) wanted[asked[i]] = 1 }
    !/:/ { print }
    sub(/:/, " ") { known[$1] = 1; if ($1 in wanted) print $2 }
    END { for (w in wanted) if (!(w in known)) {
              print "deps: WITH=" w ": packages.txt has nothing of this name" >"/dev/stderr"
              exit 1 } }')
packages=$(echo "$packages" | tr -s ' \n' ' ')

if ! command -v apt-get >/dev/null 2>&1; then
    echo "deps: no apt-get here. On other systems install the equivalents of:" >&2
    echo "     $packages" >&2
    echo "See INSTALL for names on Fedora, Arch and macOS." >&2
    exit 1
fi
missing=
for p in $packages; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -z "$missing" ]; then
    echo "deps: everything is installed"
    exit 0
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "deps: not root and no sudo; as root run: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
$as_root apt-get update
for p in $missing; do
    if ! apt-cache show "$p" >/dev/null 2>&1; then
        echo "deps: this release has no package $p (WITH=$(sed -n "s/^\([a-z]*\): $p\$/\1/p" packages.txt)): go on without, or install it by hand" >&2
        exit 1
    fi
done
# shellcheck disable=SC2086 # a list of names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
