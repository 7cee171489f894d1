#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# What va-tcn-mamba-train refuses: training that diverges, lists, features and command lines that are wrong.
bats_require_minimum_version 1.8.0
load lib/va
load lib/train
setup_file() { train_setup_file; }
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

@test "a loss that is not finite: status 4 with step, tensor and batch, no model" {
    run -4 --separate-stderr train --epochs 3 --lr 1e30 --schedule constant --log-dir log -o m.h5
    [[ $stderr == "va-tcn-mamba-train: step 2: the loss is not finite (nor is "*"): training diverged, mostly because the learning rate is too high: "*"; batch: "[abc]" "*-* ]] ||
        explain "$stderr"
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [ ! -e m.h5 ]
}

@test "weights that overflow in the last update: status 4, no model" {
    large() { va-tcn-mamba-train -q "${RUN[@]:0:8}" --temporal gru --steps 1 --epochs 3 --schedule constant --warmup-epochs 0 --select last "$@"; }
    large --lr 1e3 --channels "8,6" --kernel 3 --layers 1 --hidden 4 -o large.h5
    run -4 --separate-stderr large --init large.h5 --lr 1e30 --weight-decay 1e6 -o m.h5
    [[ $stderr == "va-tcn-mamba-train: tensor "*": element "*" is "*", expected a finite number: training diverged, "* ]] ||
        explain "$stderr"
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [ ! -e m.h5 ]
}

@test "nothing to train on or to validate on: status 3" {
    seq 1 90 | sed '1i valence,arousal' | sed '2,$s/.*/-5,-5/' >labels/d.txt
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    run -3 --separate-stderr train --epochs 1 -o m.h5
    [ "$stderr" = "va-tcn-mamba-train: w.h5: found no labelled frame in windows of the videos in val.txt" ]
    echo d >train.txt && echo a >val.txt
    run -3 --separate-stderr train --epochs 1 -o m.h5
    [ "$stderr" = "va-tcn-mamba-train: w.h5: found no labelled frame in windows of the videos in train.txt" ]
}

@test "lists: empty, unknown and double names are refused" {
    echo '# nobody' >val.txt
    run -3 --separate-stderr train --epochs 1 -o m.h5
    [[ $stderr == "va-tcn-mamba-train: val.txt: "* ]]
    printf 'd\nz\n' >val.txt
    run -3 --separate-stderr train --epochs 1 -o m.h5
    [[ $stderr == "va-tcn-mamba-train: val.txt: line 2: "*z* ]]
    printf 'd\nd\n' >val.txt
    run -3 --separate-stderr train --epochs 1 -o m.h5
    [[ $stderr == "va-tcn-mamba-train: val.txt: line 2: "* ]]
}

@test "features of another width than the initial weights, or changed since: status 3" {
    train --epochs 1 -o m.h5
    make_features --video v --dim 5 --frames 90 v.h5
    make_labels --frames 90 >labels/v.txt
    va-window --labels labels --window 30 --stride 20 -o five.h5 v.h5 >/dev/null
    echo v >v.txt
    run -3 --separate-stderr va-tcn-mamba-train -q --windows five.h5 --train v.txt --val v.txt \
        --init m.h5 -o n.h5
    [ "$stderr" = "va-tcn-mamba-train: m.h5: expects 6 features per frame, but the windows have 5" ]
    make_features --video b --dim 6 --frames 90 --nan b.h5
    run -3 --separate-stderr train --epochs 1 -o n.h5
    [[ $stderr == "va-tcn-mamba-train: b.h5: "* ]]
}

@test "features that change while they are read: status 3, one line with the file's name, no model" {
    local v rc i
    for v in a b c d; do # large enough to be mapped
        make_features --video $v --dim 64 --frames 90 --seed 5 $v.h5
    done
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    cp b.h5 good.h5
    for change in "truncate -s 0 b.h5" "dd if=/dev/zero of=b.h5 bs=1k seek=8 count=8 conv=notrunc status=none"; do
        [[ $change != truncate* ]] || ! grep -q fsanitize "$BUILD/flags" || continue # they report SIGBUS themselves
        cat good.h5 >b.h5
        rm -rf log
        va-tcn-mamba-train -q "${RUN[@]}" -j 2 --epochs 100000 --log-dir log -o m.h5 2>err &
        for ((i = 0; i < 4000; i++)); do
            [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le 2 ] || break
            sleep 0.005
        done
        $change
        rc=0
        wait $! || rc=$?
        [ "$rc" = 3 ] || explain "$change: exit $rc, $(cat err)"
        [ "$(wc -l <err)" = 1 ] || explain "$(cat err)"
        grep -q '^va-tcn-mamba-train: b.h5: was c.* while it was read' err || explain "$(cat err)"
        [ ! -e m.h5 ]
    done
}

@test "mistakes in the command line: status 2" {
    for mistake in "--save-every 0" "--save-every 5x" "--lr nan" "--epochs 0" "--preset none" \
        "--device gpu" "--precision f16" "--state m.h5" "operand"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr train -o m.h5 $mistake
    done
}
