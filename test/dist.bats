#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup_pipelines sets top, run sets stderr
# The release: make dist, in a checkout and in what it unpacks to. test/package/check.sh builds and tests one without git.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    setup_pipelines
    [ -e "$top/release.txt" ] || git -C "$top" rev-parse HEAD >/dev/null 2>&1 || skip "neither a checkout nor a release"
    BUILD=$PWD/one "$top/dist.sh" >name
    tar -xzf "$(cat name)"
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    tree=$(basename "$(cat name)" .tar.gz)
}

@test "equal bytes: again, with another umask, and from the unpacked release without git" {
    mkdir -p none two three
    printf '#!/bin/sh\nexit 127\n' >none/git
    chmod +x none/git
    umask 077
    BUILD=$PWD/two LC_ALL=C TZ=Asia/Tokyo "$top/dist.sh"
    cmp "$(cat name)" "two/$tree.tar.gz"
    touch "$tree/stray" # it is not of the release
    PATH=$PWD/none:$PATH run -0 --separate-stderr make -s -C "$tree" BUILD="$PWD/three" dist
    [ "$output" = "$PWD/three/$tree.tar.gz" ]
    cmp "$(cat name)" "three/$tree.tar.gz"
    [ "$(find two three | sort | paste -sd ' ')" = "three three/$tree.tar.gz two two/$tree.tar.gz" ]
}

@test "one owner, the time of the commit, and nothing but its files" {
    time=$(sed -n 's/^time //p' "$tree/release.txt")
    tar --numeric-owner --utc -tvzf "$(cat name)" | awk '{ print $2, $4 }' | sort -u >seen
    [ "$(cat seen)" = "0/0 $(date -u -d "@$time" +%F)" ]
    { sed '1,/^time /d' "$tree/release.txt" && echo release.txt; } | sort >expected
    tar -tzf "$(cat name)" | sed -n "s|^$tree/\(.*[^/]\)\$|\1|p" | sort | cmp - expected
    if [ ! -e "$top/release.txt" ]; then
        git -C "$top" ls-tree -r --name-only HEAD | sort | cmp - <(grep -vx release.txt expected)
        [ "$time" = "$(git -C "$top" log -1 --format=%ct)" ]
    fi
}

@test "the version is that of the tools, the commit that of the release" {
    run -0 va-check --version
    [ "${lines[0]}" = "va-check (mamba-va) ${tree#mamba-va-}" ]
    [ "$(sed -n '1s/^mamba-va (\(.*\)) .*/\1/p' "$tree/debian/changelog")" = "${tree#mamba-va-}" ]
    make -s -C "$tree" BUILD="$PWD/four" "$PWD/four/va_build.h"
    grep -qx "#define VA_BUILD_COMMIT \"$(sed -n 's/^commit //p' "$tree/release.txt")\"" four/va_build.h
}

@test "without git and release.txt: one line, and nothing is written" {
    mkdir -p bare/common/base
    cp "$top/dist.sh" bare/
    cp "$top/common/base/va_version.h" bare/common/base/
    run -1 --separate-stderr env GIT_CEILING_DIRECTORIES="$PWD" bare/dist.sh
    [ "$stderr" = "dist: neither release.txt nor a commit of git is here: run make dist in a checkout or in an unpacked release" ]
    [ -z "$(find bare/build -mindepth 1)" ]
}
