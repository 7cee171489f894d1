#!/bin/sh
# Write BUILD/mamba-va-VERSION.tar.gz: make dist. Equal sources give equal bytes: names are sorted, there is one owner,
# and the time is that of the commit. release.txt in it holds what git would say: commit, time and names of the files.
# In a checkout, the files are those of the last commit; in an unpacked tarball, those that its release.txt names.
set -eu
cd "$(dirname "$0")"
version=$(sed -n 's/^#define VA_VERSION "\(.*\)"$/\1/p' common/base/va_version.h)
name=mamba-va-$version
to=${BUILD:-build}/$name.tar.gz
mkdir -p "${BUILD:-build}"
temporary=$(mktemp -d "${BUILD:-build}/dist-XXXXXX")
trap 'rm -rf "$temporary"' EXIT
trap 'exit 130' INT TERM
stage=$temporary/$name
mkdir "$stage"

if [ -f release.txt ]; then
    sed '1,/^time /d' release.txt >"$temporary/names"
    tar -cf "$temporary/files" --verbatim-files-from -T "$temporary/names" release.txt
elif commit=$(git rev-parse --short=12 HEAD 2>/dev/null); then
    git diff --quiet HEAD || echo "dist: changes that are not committed are left out" >&2
    git archive -o "$temporary/files" --format=tar HEAD
    { echo "commit $commit" && git log -1 --format='time %ct' && git ls-tree -r --name-only HEAD; } >"$stage/release.txt"
else
    echo "dist: neither release.txt nor a commit of git is here: run make dist in a checkout or in an unpacked release" >&2
    exit 1
fi
tar -xf "$temporary/files" -C "$stage"
tar -C "$temporary" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=ustar \
    --mtime="@$(sed -n 's/^time //p' "$stage/release.txt")" -cf "$temporary/tar" "$name"
gzip -9n <"$temporary/tar" >"$temporary/gz"
mv "$temporary/gz" "$to"
echo "$to"
