#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup_pipelines sets top
# Sound beside the picture on videos with voices: pipelines/voices.mk, small.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    setup_pipelines || return
    voices -j2 >log 2>&1 || { cat log; return 1; }
}
setup() {
    cd "$BATS_FILE_TMPDIR" || return
}
voices() {
    make --no-print-directory -f "$top/pipelines/voices.mk" BIN="$BUILD/bin" OUT=out FOLDS="0 1 2 3" \
        SYNTH_OPTIONS="--test 0 --traps no --videos 24 --frames 250 --fps 25" "$@"
}
ccc() { awk -v row="$1" -v column="$2" '$1 == row { print $column }' out/voices.tsv; }

# more A B COLUMN: by .01 at least
more() { awk -v a="$(ccc "$1" "$3")" -v b="$(ccc "$2" "$3")" 'BEGIN { exit !(a > b + .01) }' || explain "$1 is not above $2 in column $3"; }

@test "both are better than each alone; the sound of another video does not help" {
    cat out/voices.tsv
    [ "$(cut -f 1 out/voices.tsv | paste -sd ' ')" = "features picture sound other picture+sound picture+other" ]
    for column in 3 4; do
        for alone in picture sound picture+other; do more picture+sound $alone $column; done
    done
    run ! more picture+other picture 4
}

@test "a second make computes nothing; every file passes va-check" {
    voices >log 2>&1
    run ! grep -E '^ *(va-|[^ ]*/va-)' log
    find out -name '*.h5' >files
    [ "$(wc -l <files)" -gt 80 ]
    while read -r f; do va-check "$f" || return 1; done <files
}
