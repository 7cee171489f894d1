#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr, interrupt sets rc
# --precision auto in every tool that has it. Which precision is quicker depends on the machine, so
# VA_PRECISION says it here; test_precision has how it is measured.
bats_require_minimum_version 1.8.0
load lib/va
load lib/mpi
load lib/pretrain
setup_file() {
    pretrain_setup_file
    mkdir labels
    for v in c d; do
        make_features --video $v --dim 6 --frames 40 $v.h5
        make_labels --frames 40 >labels/$v.txt
        echo $v >$v.txt
    done
    va-window --labels labels --window 20 --stride 20 -o w.h5 c.h5 d.h5 >/dev/null
}
# the temporal model, of a few steps
temporal() { va-tcn-mamba-train -q "${TEMPORAL[@]}" "$@"; }
TEMPORAL=(-j 1 --windows w.h5 --train c.txt --val d.txt --channels 4 --kernel 3 --layers 1 --hidden 4 --epochs 2)
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* . && find_launcher; }

@test "va-embed: the features are those of the precision that was chosen, byte by byte" {
    for precision in f32 bf16; do
        va-embed -q -w earlier.h5 --precision $precision -o named.h5 a.h5
        VA_PRECISION=$precision run -0 --separate-stderr va-embed --device cpu -v -w earlier.h5 --precision auto -o auto.h5 a.h5
        [ "${stderr_lines[0]}" = "va-embed: precision $precision: as VA_PRECISION says" ] || explain "$stderr"
        cmp named.h5 auto.h5
        attribute auto.h5 provenance | grep -q -e "--precision $precision a.h5"
    done
}

@test "va-embed: measured, it is f32 or bf16, and --verbose says why" {
    run -0 --separate-stderr va-embed --device cpu -v -w earlier.h5 --precision auto -o auto.h5 a.h5
    [[ ${stderr_lines[0]} =~ ^"va-embed: precision "(f32|bf16)": bf16 is "[0-9.]+" times as fast here (needed: 1.25)"$ ]] ||
        explain "$stderr"
    VA_PRECISION='' va-embed -q -w earlier.h5 --precision "${BASH_REMATCH[1]}" -o named.h5 a.h5
    cmp named.h5 auto.h5
}

@test "training: the run has the chosen precision from its beginning to its end" {
    pretrain --epochs 3 --precision bf16 -o m.h5 a.h5
    mv m.h5 named.h5
    VA_PRECISION=bf16 pretrain --epochs 3 --precision auto -o m.h5 a.h5
    cmp named.h5 m.h5
    [ "$(attribute m.h5 train.precision)" = bf16 ]
    # complete, whatever would be chosen now
    VA_PRECISION=f32 run -0 --separate-stderr va-mae-pretrain -v "${RUN[@]}" --epochs 3 --precision auto --resume -o m.h5 a.h5
    [[ $stderr == *"va-mae-pretrain: precision bf16: as in m.h5"$'\n'*"va-mae-pretrain: m.h5: is complete (precision bf16; to train again, remove it)"$'\n'* ]] || explain "$stderr"
    cmp named.h5 m.h5
    # other settings are another run, which keeps the precision
    VA_PRECISION=f32 pretrain --epochs 2 --precision auto --resume -o m.h5 a.h5
    [ "$(attribute m.h5 train.precision)" = bf16 ]
    # without --resume it is chosen anew
    VA_PRECISION=f32 pretrain --epochs 2 --precision auto -o m.h5 a.h5
    [ "$(attribute m.h5 train.precision)" = f32 ]
}

@test "training: an interrupted run goes on in its precision, to the same bytes" {
    pretrain --epochs 60 --precision bf16 -o straight.h5 a.h5
    VA_PRECISION=bf16 interrupt TERM --epochs 60 --precision auto -o m.h5 a.h5
    VA_PRECISION=f32 run -0 --separate-stderr va-mae-pretrain -v "${RUN[@]}" --log-dir log --epochs 60 --precision auto --resume -o m.h5 a.h5
    [[ $stderr == *"va-mae-pretrain: precision bf16: as in m.h5.state"$'\n'* ]] || explain "$stderr"
    cmp straight.h5 m.h5
    # --restart chooses anew
    VA_PRECISION=bf16 interrupt TERM --epochs 400 --precision auto -o n.h5 a.h5
    VA_PRECISION=f32 pretrain --epochs 2 --precision auto --restart -o n.h5 a.h5
    [ "$(attribute n.h5 train.precision)" = f32 ]
}

@test "what --print-config prints is what was asked for" {
    run -0 --separate-stderr pretrain --precision auto --print-config
    grep -qx $'precision\tauto\toption' <<<"$output"
    grep -qx $'precision\tf32\tdefault' <(pretrain --print-config)
}

@test "ranks: rank 0 chooses for all" {
    need_mpi
    chosen_for_all() {
        run -0 --separate-stderr "${launcher[@]}" -n 1 env VA_PRECISION=bf16 "$@" : -n 1 env VA_PRECISION=f32 "$@"
        [ "$(grep -c "^$1: precision " <<<"$stderr")" -eq 1 ] || explain "$stderr"
        [ "$(attribute m.h5 train.precision)" = bf16 ]
        [[ $(attribute m.h5 provenance) == *"--precision bf16"* ]]
        rm m.h5
    }
    chosen_for_all va-mae-pretrain -v "${RUN[@]}" --epochs 2 --precision auto -o m.h5 a.h5
    chosen_for_all va-tcn-mamba-train -v "${TEMPORAL[@]}" --precision auto -o m.h5
}

@test "the temporal model: trained in the precision that was chosen, byte by byte" {
    for precision in f32 bf16; do
        temporal --precision $precision -o m.h5
        mv m.h5 named.h5
        VA_PRECISION=$precision temporal --precision auto -o m.h5
        cmp named.h5 m.h5
        [ "$(attribute m.h5 train.precision)" = $precision ]
    done
    for more in "--seed 1" "--init narrow.h5"; do # --init gives the size
        # shellcheck disable=SC2086 # words
        run -0 --separate-stderr va-tcn-mamba-train --device cpu $more -v "${TEMPORAL[@]}" --precision auto -o m.h5
        [[ $stderr == *"va-tcn-mamba-train: precision f32: the widest layer has 4 outputs; bf16 is for more than 64"* ]] ||
            explain "$stderr"
        [ "$(attribute m.h5 train.precision)" = f32 ]
        mv m.h5 narrow.h5
    done
    run -0 --separate-stderr va-tcn-mamba-train --device cpu -v "${TEMPORAL[@]}" --channels 65 --precision auto -o m.h5
    [[ $stderr == *"va-tcn-mamba-train: precision "*": bf16 is "*" times as fast here"* ]] || explain "$stderr"
    [[ $(attribute m.h5 train.precision) =~ ^(f32|bf16)$ ]]
    grep -qx $'precision\tauto\toption' <(temporal --precision auto --print-config)
}

@test "va-predict: predictions are those of the precision that was chosen, of temporal models and encoders" {
    va-weights init --arch mamba-va --in-dim 6 --channels 4 --kernel 3 --layers 1 --d-state 2 --hidden 3 -o model.h5
    for v in a b; do
        attribute $v.h5 video >$v.txt
        make_labels --frames 60 >"labels/$(cat $v.txt).txt"
    done
    va-finetune -q -w earlier.h5 --labels labels --train a.txt --val b.txt --steps 1 --unmatched allow -o tuned.h5 a.h5 b.h5
    for of in "model.h5 c.h5" "tuned.h5 a.h5"; do
        read -r model input <<<"$of"
        for precision in f32 bf16; do
            va-predict -q --device cpu --precision $precision -m "$model" -o $precision.h5 "$input"
            VA_PRECISION=$precision run -0 --separate-stderr va-predict --device cpu -v --precision auto -m "$model" -o auto.h5 "$input"
            [[ $stderr == *"va-predict: precision $precision: as VA_PRECISION says"* ]] || explain "$stderr"
            cmp $precision.h5 auto.h5
            attribute auto.h5 provenance | grep -q -e "--precision $precision"
        done
        run ! va-h5cmp f32.h5 bf16.h5
        same_numbers --abs 5e-2 f32.h5 bf16.h5
    done
}

@test "auto of narrow temporal models is f32, unmeasured; the broadest of several decides" {
    for n in 4 64 65; do va-weights init --arch mamba-va --in-dim 6 --channels 4,$n,4 --kernel 3 --layers 1 --d-state 2 --hidden 3 -o m$n.h5; done
    said() { va-predict --device cpu -v --precision auto -o p.h5 "$@" c.h5 2>&1 | grep '^va-predict: precision '; }
    [ "$(said -m m4.h5)" = "va-predict: precision f32: the widest layer has 4 outputs; bf16 is for more than 64" ]
    attribute p.h5 provenance | grep -q -e "--precision f32"
    [[ $(said -m m4.h5 -m m64.h5) == *" f32: the widest layer has 64 outputs; "* ]]
    [[ $(said -m m65.h5 -m m4.h5) == *": bf16 is "*" times as fast here (needed: 1.25)" ]]
}

@test "a precision that is none: status 2, the names are told" {
    for tool in va-mae-pretrain va-finetune va-tcn-mamba-train; do
        run -2 --separate-stderr $tool --precision int8 -o m.h5
        [ "$stderr" = "$tool: --precision int8: expected f32|bf16|auto (try --help)" ] || explain "$stderr"
    done
    run -2 --separate-stderr va-embed --precision f16 -o f.h5 a.h5
    [ "$stderr" = "va-embed: --precision f16: expected f32|bf16|int8|auto, did you mean bf16? (try --help)" ] || explain "$stderr"
    VA_PRECISION=int8 run -2 --separate-stderr va-check a.h5
    [ "$stderr" = "va-check: VA_PRECISION=int8: expected f32 or bf16 (try --help)" ]
}
