#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# What all tools that train do about other runs: one that has not ended, one that goes on now.
bats_require_minimum_version 1.8.0
load lib/va
load lib/train

setup_file() {
    train_setup_file
    for v in a b c d; do make_frames --frames 90 --width 20 --height 18 --video $v $v.frames.h5; done
    va-weights init -q --arch vit_tiny -o tiny.h5
}
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

# as TOOL: `tool` begins its command, of a run that ends after 12 steps; `inputs` end it
as() {
    inputs=()
    case $1 in
    va-tcn-mamba-train) tool=("$1" "${RUN[@]}" --epochs 3) ;;
    va-finetune)
        tool=("$1" -j 1 -w tiny.h5 --labels labels --train train.txt --val val.txt --batch 6
            --per-video 8 --warmup-epochs 1 --freeze-blocks 1 --epochs 3)
        inputs=(a.frames.h5 b.frames.h5 c.frames.h5 d.frames.h5)
        ;;
    va-mae-pretrain)
        tool=("$1" -j 1 --arch vit_tiny --image 16 --patch 4 --width 16 --depth 2 --heads 2 --epochs 4
            --decoder-width 16 --decoder-depth 1 --decoder-heads 2 --batch 8)
        inputs=(a.frames.h5 b.frames.h5)
        ;;
    esac
}
train_with() { "${tool[@]}" "$@" "${inputs[@]}"; }

# hold ARGS...: such a run in the background, stopped after its first steps; `held` is its process
hold() {
    "${tool[@]}" -q --save-every 1 "$@" "${inputs[@]}" 3>&- &
    held=$!
    for ((i = 0; i < 4000; i++)); do
        [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le 3 ] || break
        sleep 0.005
    done
    kill -STOP $held || explain "the run had ended already"
}

# leave SIGNAL: the held run ends by it
leave() {
    kill -"$1" $held
    [ "$1" = KILL ] || kill -CONT $held
    wait $held || true
}

each_tool() { for t in va-tcn-mamba-train va-finetune va-mae-pretrain; do as $t && "$@"; done; }

left_alone() {
    rm -rf log m.h5*
    hold -o m.h5 --log-dir log
    leave KILL
    cp -r log log.before
    cp m.h5.state before.state
    run -3 --separate-stderr train_with -o m.h5 --log-dir log
    [ "$stderr" = "${tool[0]}: m.h5.state: found the checkpoint of an unfinished run: --resume continues it, --restart starts again" ] ||
        explain "$stderr"
    cmp m.h5.state before.state && diff -r log log.before && [ ! -e m.h5 ]
    rm -r log.before
    run -2 --separate-stderr train_with -q -o m.h5 --resume --restart
    [[ $stderr == "${tool[0]}: --resume and --restart conflict"* ]]
    train_with -q -o straight.h5 --log-dir straight
    train_with -q -o m.h5 --log-dir log --restart
    cmp m.h5 straight.h5 && diff -r log straight && [ ! -e m.h5.state ]
    train_with -q -o m.h5 --log-dir log # over a run that has ended it begins anew, as any tool does
    cmp m.h5 straight.h5
    rm -r straight*
}

# Before the first checkpoint is due there is none, except over what an earlier run has left: --resume would take
# that for what belongs to the new logs.
first_checkpoint() {
    rm -rf log m.h5* straight*
    train_with -q -o straight.h5 --log-dir straight
    hold --epochs 1000 --save-every 1h -o m.h5 --log-dir log
    leave KILL
    [ ! -e m.h5 ] && [ ! -e m.h5.state ]
    train_with -q -o m.h5 --log-dir log
    cmp m.h5 straight.h5 && diff -r log straight
    rm -r log
    hold --epochs 1000 --save-every 1h -o m.h5 --log-dir log --restart
    leave KILL
    [ "$(attribute m.h5.state step)" = 0 ]
}
@test "a run that was killed early begins again, with its logs" { each_tool first_checkpoint; }

no_checkpoint() {
    cp tiny.h5 mine.h5 && echo mine >mine.txt
    for file in mine.h5 mine.txt; do
        for how in --restart -q; do
            run -3 --separate-stderr train_with -q -o m.h5 --state $file $how
            [[ $stderr == "${tool[0]}: $file: exists and holds "*" an earlier output: name another file, or replace it with --force" ]] ||
                explain "$stderr"
            [ ! -e m.h5 ]
        done
    done
    cmp tiny.h5 mine.h5 && [ "$(cat mine.txt)" = mine ]
}

@test "--state names a file that is no checkpoint: left alone, since the run would remove it" { each_tool no_checkpoint; }

@test "a run that has not ended is left alone without --resume or --restart" { each_tool left_alone; }

says_what_it_saved() {
    rm -rf log m.h5*
    "${tool[@]}" --epochs 100000 --warmup-epochs 1 -o m.h5 --log-dir log "${inputs[@]}" 2>err 3>&- &
    held=$!
    for ((i = 0; i < 4000; i++)); do
        [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le 3 ] || break
        sleep 0.005
    done
    leave "$1"
    step=$(attribute m.h5.state step)
    [ "$(tail -n 1 err)" = "${tool[0]}: stopped after step $step; checkpoint in m.h5.state; continue with --resume" ] ||
        explain "$(cat err)"
    [ "$(tail -n 1 log/train.tsv | cut -f 1)" = "$step" ]
}

@test "told to stop: the step, the checkpoint and the way on are said" { each_tool says_what_it_saved TERM; }

in_use() {
    rm -rf log log2 ./?.h5.state m.h5 n.h5
    train_with -q -o straight.h5 --log-dir straight
    hold -o m.h5 --log-dir log
    cp m.h5.state before.state
    cp -r log log.before
    busy() { # busy PATH ARGS...
        run -4 --separate-stderr train_with "${@:2}"
        [ "$stderr" = "${tool[0]}: $1: in use by process $held" ] || explain "$stderr"
        cmp m.h5.state before.state && diff -r log log.before && [ ! -e n.h5 ] && [ ! -e log2 ]
    }
    busy m.h5 --resume -o m.h5 --log-dir log2
    busy ./m.h5 --restart -o ./m.h5 --state other.state
    busy m.h5.state --resume -o n.h5 --state m.h5.state
    busy log//train.tsv -o n.h5 --log-dir log/
    leave CONT # it ends as if nothing had been
    cmp m.h5 straight.h5 && diff -r log straight
    rm -r log.before straight*
    found=$(find . -name "*.state" -o -name "*.lock")
    [ "$found" = ./before.state ] || explain "$found"
}

@test "a second run on the model, the checkpoint or the logs: in use, and the first one is whole" {
    each_tool in_use
}

@test "a run that fails before it saved a step leaves no checkpoint in the way" {
    as va-tcn-mamba-train
    run -4 --separate-stderr train_with --lr 1e30 --clip-norm 0 --epochs 1000 -o m.h5 --log-dir log
    [[ $stderr == *"not finite"* ]] || explain "$stderr"
    [ ! -e m.h5.state ] && [ ! -e m.h5 ]
    train_with -q -o m.h5 --log-dir log
    : >file
    run -4 --separate-stderr train_with -q -o n.h5 --log-dir file
    [ ! -e n.h5.state ]
}

@test "what a SIGKILL leaves is in nobody's way" {
    as va-tcn-mamba-train
    train_with -q -o straight.h5 --log-dir straight
    for ((k = 0; k < 3; k++)); do
        hold --epochs 1000 -o m.h5 --log-dir log --restart
        leave KILL
    done
    train_with -q -o m.h5 --log-dir log --restart
    cmp m.h5 straight.h5 && diff -r log straight
    [ "$(find . -name '*.lock' -o -name '*.part')" = "" ]
}

@test "pairs of runs begun together: one model, one log, as from a run alone" {
    as va-tcn-mamba-train
    train_with -q --save-every 1 -o straight.h5 --log-dir straight
    for ((k = 0; k < 8; k++)); do
        rm -rf m.h5* log
        train_with -q --save-every 1 --resume -o m.h5 --log-dir log 2>err1 3>&- &
        run train_with -q --save-every 1 --resume -o m.h5 --log-dir log
        second=$status first=0
        wait $! || first=$?
        [[ "$first $second" =~ ^(0 0|0 4|4 0)$ ]] || explain "exits $first, $second: $(cat err1) $output"
        cmp m.h5 straight.h5 && diff -r log straight
    done
}
