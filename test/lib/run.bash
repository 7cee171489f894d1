# shellcheck shell=bash
# shellcheck disable=SC2154 # run sets stderr
# What va-run needs: a detector of red squares, an encoder, a model, a video of a second, and the tools as installed,
# with their own share. load lib/va and lib/scene first.

run_setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    va-weights init --arch vit_tiny -o encoder.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 -o model.h5
    scene one.mkv 1 "red 20+10*t 30"
    mkdir -p prefix/bin prefix/share/mamba-va
    cp "$BUILD"/bin/va-{run,faces,embed,predict,smooth,table,report,plot,overlay} prefix/bin
    cp "$BATS_TEST_DIRNAME"/../pipelines/* prefix/share/mamba-va
}

run_setup() {
    unset VA_ENCODER VA_MODEL
    cd "$BATS_TEST_TMPDIR" || return 1
    cp -r "$BATS_FILE_TMPDIR"/* .
    export VA_FACES=$PWD/red.h5
}

ran() { va-run --encoder encoder.h5 --model model.h5 "$@"; }

# fails CODE LINE ARGS...: one line, nothing on stdout
fails() {
    run "-$1" --separate-stderr va-run "${@:3}"
    [ "$stderr" = "va-run: $2" ] || explain "$stderr"
    [ "$output" = "" ]
}
