#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr, interrupt sets rc
# Training that is interrupted: by signals, by a full disk, at any moment.
bats_require_minimum_version 1.8.0
load lib/va
load lib/train
setup_file() { train_setup_file; }
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

@test "a signal: checkpoint, exit by that signal; resumed runs give the same bytes" {
    # What is learned from a is wrong of e, its negative: the best comes early, on any machine.
    local settings=(--epochs 100 --lr 0.003 --schedule constant)
    make_features --video e --dim 6 --frames 90 --seed 97 e.h5
    awk -F, -v OFS=, 'NR > 1 && $1 != -5 { $1 = -$1; $2 = -$2 } 1' labels/a.txt >labels/e.txt
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 e.h5 >/dev/null
    echo e >val.txt
    train "${settings[@]}" --log-dir log -o m.h5
    [ "$(awk '$5 == $6 { step = $1 } END { print step }' log/val.tsv)" -lt 20 ]
    mv m.h5 straight.h5 && mv log straight
    for signal in TERM KILL INT; do
        rm -rf m.h5 m.h5.state log
        set -m # so that SIGINT reaches a job in the background
        interrupt "$signal" "${settings[@]}" --save-every 7 -o m.h5
        set +m
        [ "$rc" -eq $((128 + $(kill -l "$signal"))) ]
        [ ! -e m.h5 ]
        [ -s m.h5.state ]
        [ "$signal" = KILL ] || [ "$(find . -name '*.part')" = "" ]
        va-check m.h5.state
        train "${settings[@]}" --resume --log-dir log -o m.h5
        cmp m.h5 straight.h5
        diff -r log straight
        [ ! -e m.h5.state ]
    done
}

@test "--resume without a checkpoint trains; of a finished run it does nothing" {
    train --epochs 2 --resume --log-dir log -o m.h5
    cp m.h5 first.h5 && rm -r log
    run -0 --separate-stderr va-tcn-mamba-train "${RUN[@]}" --epochs 2 --resume -o m.h5
    [ "$stderr" = "va-tcn-mamba-train: m.h5: is complete (precision f32; to train again, remove it)" ]
    cmp m.h5 first.h5
    train --epochs 3 --resume -o m.h5
    run ! cmp -s m.h5 first.h5
}

@test "a checkpoint of another run, damaged or newer: one line, status 3, nothing lost" {
    interrupt TERM --epochs 200 -o m.h5
    cp m.h5.state good.state
    refused() { # refused WORDS OPTIONS...
        run -3 --separate-stderr train --epochs 200 --resume -o m.h5 "${@:2}"
        [[ $stderr == "va-tcn-mamba-train: m.h5.state: "$1* ]] || explain "$stderr"
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
        [ ! -e m.h5 ]
    }
    refused "the run has train.lr 0.0003, this command 0.1: " --lr 0.1
    refused "the run has kernel 3, this command 5: " --kernel 5
    refused "the run has train.videos " --train val.txt
    va-window --labels labels --window 30 --stride 10 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    refused "the run has train.windows "
    cp "$BATS_FILE_TMPDIR/w.h5" .
    cmp m.h5.state good.state
    head -c 5000 good.state >m.h5.state
    refused ""
    cp good.state m.h5.state && h5edit m.h5.state string @schema va.state/2
    refused "found another version, va.state/2, expected va.state/1"
    cp good.state m.h5.state && h5edit m.h5.state delete /optimizer/m/fc2.bias
    refused ""
    cp good.state m.h5.state && h5edit m.h5.state int @updates 3
    refused ""
}

@test "--precision: the run keeps its own, to the same bytes; another one is refused" {
    settings=(--epochs 100 --lr 0.003 --schedule constant -o m.h5)
    train "${settings[@]}" --precision bf16
    mv m.h5 straight.h5
    interrupt TERM "${settings[@]}" --precision bf16
    [ "$(attribute m.h5.state train.precision)" = bf16 ]
    run -3 --separate-stderr train "${settings[@]}" --resume
    [[ $stderr == "va-tcn-mamba-train: m.h5.state: the run has train.precision bf16, this command f32: "* ]] || explain "$stderr"
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    cp m.h5.state before
    train "${settings[@]}" --precision bf16 --resume
    cmp m.h5 straight.h5
    # auto is what the run has, whatever would be chosen now
    mv before m.h5.state
    rm m.h5
    for state in m.h5.state m.h5; do
        VA_PRECISION=f32 run -0 --separate-stderr va-tcn-mamba-train -v "${RUN[@]}" "${settings[@]}" --precision auto --resume
        [[ $stderr == *"va-tcn-mamba-train: precision bf16: as in $state"$'\n'* ]] || explain "$stderr"
        cmp m.h5 straight.h5
    done
}

@test "runs of versions without --precision are in f32: complete, or to go on with" {
    settings=(--epochs 100 --lr 0.003 --schedule constant --precision f32 -o m.h5)
    train "${settings[@]}"
    cp m.h5 straight.h5
    older() { h5edit "$1" delete @train.precision && h5edit "$1" delete @id; }
    older m.h5
    run -0 --separate-stderr va-tcn-mamba-train "${RUN[@]}" "${settings[@]}" --resume
    [ "$stderr" = "va-tcn-mamba-train: m.h5: is complete (precision f32; to train again, remove it)" ]
    rm m.h5
    interrupt TERM "${settings[@]}"
    older m.h5.state
    run -3 --separate-stderr train "${settings[@]}" --resume --precision bf16
    [[ $stderr == "va-tcn-mamba-train: m.h5.state: the run has train.precision f32, this command bf16: "* ]] || explain "$stderr"
    VA_PRECISION=bf16 train "${settings[@]}" --resume --precision auto
    cmp m.h5 straight.h5
}

@test "SIGKILL at twenty random moments: the same bytes in the end" {
    local settings=(--epochs 300 --lr 0.01 --log-dir log -o m.h5) hits=0 i
    train "${settings[@]}"
    mv m.h5 straight.h5 && mv log straight
    RANDOM=${SEED:-$(date +%s)}
    echo "# seed ${SEED:-by the clock}" >&3
    for ((i = 0; hits < 20; i++)); do
        [ "$i" -lt 400 ] || explain "$hits of 400 runs were killed"
        va-tcn-mamba-train -q "${RUN[@]}" "${settings[@]}" --resume --save-every 5 2>/dev/null &
        sleep "0.$(printf %03d $((RANDOM % 60 + 5)))"
        kill -KILL $! 2>/dev/null || true
        wait $! 2>/dev/null || hits=$((hits + 1))
        if [ -e m.h5 ]; then # the machine is fast, or the kill came late: once more from the start
            cmp m.h5 straight.h5
            rm -r m.h5 log
        fi
    done
    [ ! -e m.h5.state ] || va-check m.h5.state
    train "${settings[@]}" --resume --save-every 5
    cmp m.h5 straight.h5
    diff -r log straight
    va-predict -q -m m.h5 -o p.h5 d.h5
    va-predict -q -m straight.h5 -o q.h5 d.h5
    [ "$(column p.h5 /videos/d/va)" = "$(column q.h5 /videos/d/va)" ]
    [ "$(find . -name '*.part')" = "" ]
}

@test "a full disk: one line, status 4, the last checkpoint stays and the run goes on from it" {
    can_mount || skip "no small file system can be mounted here"
    train --epochs 40 --log-dir log -o m.h5
    mv m.h5 straight.h5 && mv log straight
    mkdir disk
    # shellcheck disable=SC2016
    run small_disk 1m disk bash -c '
        fail() { echo "$*"; exit 1; }
        run=(va-tcn-mamba-train -q "$@" --epochs 40 --save-every 1 --log-dir disk/log --resume -o disk/m.h5)
        "${run[@]}" & # until there are some checkpoints, and then there is room for no more
        for ((i = 0; i < 2000; i++)); do
            [ "$(wc -l 2>/dev/null <disk/log/train.tsv || echo 0)" -le 20 ] || break
            sleep 0.005
        done
        kill -TERM $!
        wait $!
        cp disk/m.h5.state before.state || fail "no checkpoint"
        cat /dev/zero >disk/filler 2>/dev/null
        "${run[@]}" 2>err
        rc=$?
        [ $rc -eq 4 ] || fail "exit $rc: $(cat err)"
        [ "$(wc -l <err)" -eq 1 ] && grep -q disk/ err || fail "said: $(cat err)"
        cmp disk/m.h5.state before.state || fail "the checkpoint was changed"
        va-check disk/m.h5.state || fail "the checkpoint is damaged"
        rm disk/filler
        "${run[@]}" || fail "no resume"
        cmp disk/m.h5 straight.h5 && diff -r disk/log straight' full "${RUN[@]}"
    [ "$status" -eq 0 ] || explain "$output"
}

@test "the best model so far comes out of the checkpoint of a run that goes on" {
    train --epochs 12 --lr 0.01 -o whole.h5
    interrupt TERM --epochs 100000 --lr 0.01 --schedule constant -o m.h5
    [ "$rc" -eq 143 ]
    cp m.h5.state before
    run -0 --separate-stderr va-weights best -o best.h5 m.h5.state
    [ "$stderr" = "va-weights: best.h5: the weights of the best validation, at step $(attribute m.h5.state best_step)" ] || explain "$stderr"
    va-check best.h5
    cmp m.h5.state before
    va-predict -q -m best.h5 -o p.h5 d.h5
    [ "$(va-weights info best.h5 | cut -f 1,2 | grep -v '^tensor')" = "$(va-weights info whole.h5 | cut -f 1,2 | grep -v '^tensor')" ]
    va-weights info best.h5 | grep -q "$(printf 'setting\tkernel\t3')"
    column m.h5.state /best/fc2.bias >a && column best.h5 /tensors/fc2.bias >b
    cmp a b
    va-tcn-mamba-train -q "${RUN[@]}" --epochs 12 --lr 0.01 --init best.h5 -o again.h5
    run -3 --separate-stderr va-weights best -o x.h5 whole.h5
    [[ $stderr == "va-weights: whole.h5: "*"va.state/1"* ]] || explain "$stderr"
    [ ! -e x.h5 ]
}
