#!/usr/bin/env bats
# The Makefile: what is rebuilt when, installing and removing, help. Works on a copy of the tree.
bats_require_minimum_version 1.8.0

setup() {
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    cd "$BATS_TEST_TMPDIR" || return
    unset MAKEFLAGS MAKELEVEL MFLAGS
}

copy_tree() {
    mkdir tree
    cp -r "$top/Makefile" "$top/common" "$top/schemas" tree/
    cd tree || return
}

compiled() { # names of the sources that this make compiles
    make BUILD=build build/common/base/va_mem.o build/common/base/va_rand.o "$@" | sed -n 's|^  CC *common/base/||p' | tr '\n' ' '
}

@test "a second make compiles nothing; a flag, a header and a source recompile what needs it" {
    copy_tree
    [ "$(compiled)" = "va_mem.c va_rand.c " ]
    [ "$(compiled)" = "" ]
    [ "$(compiled OPT=-O1)" = "va_mem.c va_rand.c " ]
    [ "$(compiled OPT=-O1)" = "" ]
    sleep 1
    touch common/base/va_rand.h
    [ "$(compiled OPT=-O1)" = "va_rand.c " ]
    touch common/base/va_mem.c
    [ "$(compiled OPT=-O1)" = "va_mem.c " ]
}

@test "make deps before anything else: pkg-config is asked only then" {
    copy_tree
    # Without pkg-config on the path reading the Makefile succeeds and says nothing.
    mkdir bin
    for t in make sh bash sed grep mkdir cmp echo uname cat git head awk paste gcc nproc rm mv; do
        ln -s "$(command -v $t)" bin/$t
    done
    PATH=$PWD/bin run make help
    [ "$status" -eq 0 ]
    [[ $output == *"make deps"* ]]
    [[ $output != *pkg-config* ]]
}

@test "install below DESTDIR, and uninstall leaves nothing" {
    run make -C "$top" BUILD="$BUILD" install DESTDIR="$PWD/stage" PREFIX=/usr
    [ "$status" -eq 0 ]
    [ -x stage/usr/bin/va-decode ]
    [ -s stage/usr/share/man/man1/va-decode.1 ]
    [ -s stage/usr/share/man/man5/va.features.5 ]
    [ -s stage/usr/share/mamba-va/affwild2.mk ]
    stage/usr/bin/va-check --version
    run make -C "$top" BUILD="$BUILD" uninstall DESTDIR="$PWD/stage" PREFIX=/usr
    [ "$status" -eq 0 ]
    [ -z "$(find stage -type f)" ]
}

@test "every tool and every format has a man page with the usual sections" {
    for page in "$BUILD"/man/man1/*.1; do
        for section in NAME SYNOPSIS "EXIT STATUS"; do
            grep -q "^\.SH $section" "$page" || { echo "$page lacks $section"; return 1; }
        done
        grep -qE '^\.SH (OPTIONS|COMMANDS)' "$page"
    done
    [ "$(find "$BUILD"/man/man1 -name '*.1' | wc -l)" -eq "$(find "$BUILD"/bin -type f | wc -l)" ]
    [ "$(find "$BUILD"/man/man5 -name '*.5' | wc -l)" -eq "$(find "$top"/schemas -name '*.md' | wc -l)" ]
}

@test "check-layers sees an include that points up" {
    copy_tree
    mkdir -p tools test
    cp "$top/test/layers.sh" test/
    run test/layers.sh
    [ "$status" -eq 0 ]
    echo '#include "nn/va_head.h"' >common/io/va_bad.c
    run test/layers.sh
    [ "$status" -eq 1 ]
    [[ $output == *"common/io/va_bad.c"* ]]
}
