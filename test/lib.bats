#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# libmamba_va, the library for other programs: installed, found by pkg-config, used by the example of the documents,
# whose rows are those of the tools; its interface; bad use; threads.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

# Whether the library was built with the sanitizer of addresses, which a program of it must have, too.
sanitized() { readelf -d "$BUILD/lib/libmamba_va.so" | grep -q libasan; }
# compile PROGRAM SOURCE...: with the library that is installed
compile() {
    ! sanitized || set -- "$@" -fsanitize=address
    # shellcheck disable=SC2046 # words
    ${CC:-gcc} -std=c11 -pedantic -Wall -Wextra -Werror -o "$@" $(pkg-config --cflags --libs mamba_va)
}
setup_file() {
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    export top
    cd "$BATS_FILE_TMPDIR" || return 1
    make --no-print-directory -s -C "$top" -o all BUILD="$BUILD" PREFIX="$PWD/prefix" install-lib
    export PKG_CONFIG_PATH=$PWD/prefix/lib/pkgconfig LD_LIBRARY_PATH=$PWD/prefix/lib
    compile example "$top/doc/example.c"
    compile abi "$top/test/lib/abi.c"
    compile client "$top/test/lib/client.c" -pthread
    "$top/test/lib/models.sh"
    scene two.mkv 3 "magenta 200-10*t 100" "red 20+10*t 30 lt(t,1)+gt(t,1.6)"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR"/{example,abi,client,*.h5,*.mkv} .
    export VA_FACES=red.h5
}

# near BOUND FILE FILE: lines of seven columns, frame,time,face,seen,confidence,valence,arousal, whose last two may differ by BOUND
near() {
    [ -s "$2" ] && [ "$(wc -l <"$2")" = "$(wc -l <"$3")" ] || explain "$(wc -l "$2" "$3")" || return 1
    paste -d , "$2" "$3" | awk -F , -v most="$1" '
        function far(a, b) { return a - b > most || b - a > most }
        $1 != $8 || $2 != $9 || $3 != $10 || $4 != $11 || $5 != $12 || far($6, $13) || far($7, $14) { print; bad = 1 }
        END { exit bad }' || explain "rows differ"
}
# faces OF LIVE: rows of va-live as the example prints them
faces() { sed 1d | sed 's/,[a-z]*_\([0-9]*\),/,\1,/'; }

@test "feature rows: what the example prints is what va-predict predicts" {
    local model
    make_features --frames 700 --dim 192 --video v f.h5
    h5dump -d /features -b LE -o rows f.h5 >/dev/null
    for model in model.h5 ahead.h5; do
        ./example 25 $model <rows >lib.csv
        va-predict -q -m $model --missing previous --table batch.csv -o p.h5 f.h5
        sed 1d batch.csv | awk -F , -v OFS=, '{ $2 = sprintf("%.6f", ($1 - 1) / 25); print $1, $2, 1, 1, "1.000", $(NF - 1), $NF }' >tool.csv
        [ "$(wc -l <lib.csv)" = 700 ]
        near 2e-5 lib.csv tool.csv
    done
}

@test "pictures: what the example prints is what va-live prints, and what va-run finds" {
    ffmpeg -nostdin -v error -i two.mkv -f rawvideo -pix_fmt rgb24 rgb
    IFS=, read -r width height < <(ffprobe -v error -select_streams v -show_entries stream=width,height -of csv=p=0 two.mkv)
    for model in model.h5 ahead.h5; do
        ./example 25 $model enc.h5 red.h5 "$width" "$height" <rgb >lib.csv
        va-live -q --device cpu -e enc.h5 -m $model --detector red.h5 two.mkv | faces >live.csv
        cmp lib.csv live.csv
    done
    va-run -o results -e enc.h5 -m model.h5 --set OVERLAY=no --set "EMBED_OPTIONS=--smooth 1" \
        --set "PREDICT_OPTIONS=--missing previous" two.mkv >/dev/null
    va-table -o run.table.csv results/two/two.pred.h5
    sed 's/two_left/two_1/; s/two_right/two_2/' run.table.csv | faces | sort -t , -k 3n,3 -k 1n,1 >run.csv
    ./example 25 model.h5 enc.h5 red.h5 "$width" "$height" <rgb | sort -t , -k 3n,3 -k 1n,1 >lib.csv
    near 2e-5 lib.csv run.csv
}

# code LANGUAGE: the blocks of this language on the page, one after the other
code() { awk -v fence='```' -v of="$1" '$0 == fence { on = 0 } on { print } $0 == fence of { on = 1 }' "$top/doc/library.md"; }

@test "the page: its commands and its code" {
    ln -s "$top/doc/example.c" .
    code sh >page.sh
    grep -q pkg-config page.sh
    rm example
    ! sanitized || skip "a build with a sanitizer"
    sed -i "s|/usr/local|$BATS_FILE_TMPDIR/prefix|" page.sh
    env -u PKG_CONFIG_PATH -u LD_LIBRARY_PATH bash -euo pipefail page.sh
    run -2 env -u LD_LIBRARY_PATH ./example
    { echo '#include <mamba_va.h>' && echo '#include <stdio.h>' && echo 'int main(void) {' &&
        code c && echo 'return 0; }'; } >page.c
    grep -q mamba_va_open page.c
    compile page page.c
    ln -s enc.h5 encoder.h5
    ln -s red.h5 yunet.h5
    [ "$(./page 2>&1)" = "" ]
    rm encoder.h5
    [ "$(./page 2>&1)" = "encoder.h5: cannot open: No such file or directory" ]
}

@test "the interface is as it was settled: names, versions, sizes, places, values; REDO=1 settles it anew" {
    {
        nm -D --defined-only --with-symbol-versions "$LD_LIBRARY_PATH/libmamba_va.so" | awk '$2 == "T" { print "name", $3 }' | LC_ALL=C sort
        ./abi
    } >abi.txt
    [ -z "${REDO:-}" ] || cp abi.txt "$top/lib/abi.txt"
    diff "$top/lib/abi.txt" abi.txt
    sed -n 's/^name \(.*\)@@/\1@/p' abi.txt | diff - <(sed -n 's/^ \(mamba_va_.*\) .*/\1/p' "$top/debian/libmamba-va1.symbols")
    # nothing else is shown, and no library is needed that prediction does not need
    [ "$(nm -D --defined-only "$LD_LIBRARY_PATH/libmamba_va.so" | grep -cv mamba_va_)" = 1 ] # the version itself
    readelf -d "$LD_LIBRARY_PATH/libmamba_va.so" >needs
    [ "$(sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p' needs)" = libmamba_va.so.1 ]
    run ! grep -E 'NEEDED.*lib(av|sw|turbojpeg|jpeg|zip|jansson|mpi|cairo|cuda)' needs
}

@test "the header is C++ as well, and C99 that stands alone" {
    command -v g++ >/dev/null || skip "no g++"
    echo '#include <mamba_va.h>' >x.c
    g++ -x c++ -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$top/lib" x.c
    gcc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$top/lib" x.c
}

@test "bad use: a code and a message each; nothing is printed, and the model is as before" {
    run -0 --separate-stderr ./client bad
    [ "$output$stderr" = "" ]
    run -0 --separate-stderr ./client many
    [ "$output$stderr" = "" ]
}

@test "a program with a decimal comma: numbers of files and messages have points" {
    localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 2>/dev/null || skip "no sources of locales"
    LOCPATH=$PWD LC_ALL=de_DE.UTF-8 run -0 --separate-stderr ./client bad
    [ "$output$stderr" = "" ]
}

@test "four threads and two models: the rows of each are those of one thread" {
    for helpers in 1 3; do
        run -0 --separate-stderr ./client threads $helpers
        [ "$output$stderr" = "" ]
    done
}

@test "a GPU's library beside this one is found" {
    [ -f "$BUILD/emu/plain/libvacuda.so" ] || skip "no $BUILD/emu/plain/libvacuda.so (make check builds it)"
    mkdir lib
    cp "$LD_LIBRARY_PATH/libmamba_va.so.1" lib/
    export LD_LIBRARY_PATH=$PWD/lib
    run -1 ./client device cuda
    [[ $output == *"--device cuda: this build has no GPU support, expected cpu"* ]] || explain "$output"
    cp "$BUILD/emu/plain/libvacuda.so" lib/
    run -0 ./client device cuda
    [ "$output" = "" ]
}
