#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Recipes that can be trusted: launchers that are wrong about their commands, thousands of videos, what runs have taken.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    setup_pipelines || return
    mkdir features labels
    for v in a b c d; do
        make_features --video $v --dim 4 --frames 60 --seed "$(printf %d "'$v")" features/$v.h5
        make_labels --frames 60 --seed "$(printf %d "'$v")" >labels/$v.txt
    done
    corpus -j2 >log 2>&1 || { cat log; return 1; }
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

corpus() {
    make --no-print-directory -f "$top/pipelines/corpus.mk" BIN="$BUILD/bin" FEATURES="${FEATURES-features}" \
        LABELS="${LABELS:-labels}" OUT="${OUT:-out}" FOLD_COUNT=2 WINDOW_OPTIONS="--window 20 --stride 20" \
        TRAIN_OPTIONS="--channels 6,6 --kernel 3 --layers 1 --epochs 2 --warmup-epochs 1 --batch 4" "$@"
}

@test "a launcher that ends well although its command did not is a failure, and make goes on" {
    cat >lost.sh <<'EOF'
#!/bin/sh
# The node dies in the command that names $VICTIM, or its file system loses what was written
case "$*" in *"$VICTIM"*)
    case $HOW in dies) exit 0 ;; killed) kill -KILL $$ ;; esac
    "$@"
    (rm -f "$LOST"; [ "$HOW" != late ] || { sleep 2; cp kept.h5 "$LOST"; }) >/dev/null 2>&1 &
    wait
    exit 0 ;;
esac
exec "$@"
EOF
    chmod +x lost.sh
    cp out/windows.h5 kept.h5
    lost() { OUT=lost corpus LAUNCH=./lost.sh "$@"; }
    VICTIM=va-window HOW=dies VA_WAIT=0 run lost windows
    [ "$status" -eq 2 ]
    [[ $output == *"lost/windows.h5: './lost.sh' ended with exit code 0, but the command did not come to its end after 0 s (VA_WAIT): did a node fail? The same make continues"* ]] || explain "$output"
    [ ! -e lost/windows.h5 ]
    VICTIM=va-window HOW=killed run lost windows # a signal that nobody handed on
    [ "$status" -eq 2 ]
    [[ $output == *$'\n'"va-window: lost/windows.h5: './lost.sh' ended with exit code 137: a process of it was killed or lost. The same make continues"* ]] || explain "$output"
    LOST=lost/.windows.part.h5 VICTIM=va-window HOW=gone VA_WAIT=1 run lost windows
    [ "$status" -eq 2 ]
    [[ $output == *"lost/windows.h5: './lost.sh' ended with exit code 0, but lost/.windows.part.h5 is not there after 1 s"* ]] || explain "$output"
    LOST=lost/.windows.part.h5 VICTIM=va-window HOW=late run lost windows
    [ "$status" -eq 0 ] || explain "$output"
    va-h5cmp lost/windows.h5 out/windows.h5
    # a model of other options stands there already: it is not the one of this command
    lost lost/cv/0/model.h5 >log 2>&1 || explain "$(cat log)"
    VICTIM=va-tcn-mamba-train HOW=dies VA_WAIT=0 SEED=7 run lost lost/cv/0/model.h5
    [ "$status" -eq 2 ]
    [[ $output == *"lost/cv/0/model.h5: './lost.sh' ended with exit code 0, but the command"* ]] || explain "$output"
    lost cv >log 2>&1 || explain "$(cat log)"
    cmp lost/cv/0/train.tsv out/cv/0/train.tsv
    [ -z "$(find lost -name '*.done')" ]
}

@test "make is told to stop, on a terminal and elsewhere: trainings stop with a checkpoint, and make fails" {
    # A training that does not end by itself, with checkpoints that are quick
    endless() { OUT=$1 corpus cv TRAIN_OPTIONS="--channels 6,6 --kernel 3 --layers 1 --epochs 1000000 --steps 0 --batch 4" "${@:2}"; }
    export -f endless corpus
    begun() { for _ in $(seq 600); do [ "$(wc -l 2>/dev/null <"$1/cv/0/train.tsv" || echo 0)" -gt 20 ] && return; sleep 0.05; done; return 1; }
    for how in TERM screen; do
        [ $how = TERM ] || command -v script >/dev/null || continue
        if [ $how = TERM ]; then
            endless $how >log 2>&1 3>&- &
        else
            mkfifo keys
            env --default-signal=INT script -qec "bash -c 'endless $how'" screen.log <keys >/dev/null 2>&1 3>&- &
            exec 9>keys
        fi
        job=$!
        begun $how || explain "$(cat log screen.log)"
        trainer=$(pgrep -f -- "-o $how/cv/0/model.h5" | tail -n 1)
        kill -0 "$trainer"
        if [ $how = TERM ]; then kill -TERM "$(cut -d ' ' -f 1 $how/.make/running)"; else printf '\003' >&9; fi
        wait $job && explain "exit 0"
        for _ in $(seq 100); do kill -0 "$trainer" 2>/dev/null || break; sleep 0.1; done
        run ! kill -0 "$trainer"
        va-check $how/cv/0/model.h5.state
        [ $how = TERM ] || exec 9>&-
    done
}

@test "a video that is gone: folds are drawn anew; too few groups are noticed first" {
    cp -r features fewer && cp -r labels fewer-labels
    FEATURES=fewer LABELS=fewer-labels OUT=gone corpus cv >log 2>&1 || explain "$(cat log)"
    rm fewer/d.h5 fewer-labels/d.txt
    FEATURES=fewer LABELS=fewer-labels OUT=gone corpus cv >log 2>&1 || explain "$(cat log)"
    [ "$(sort -u gone/folds/*/val.txt | paste -s -d ' ')" = "a b c" ]
    mkdir videos && touch videos/{a,b,c,d}.mp4 && va-weights init --arch vit_tiny -o encoder.h5
    FEATURES='' OUT=few run corpus VIDEOS=videos CROPS= ENCODER=encoder.h5 FOLD_COUNT=5
    [ "$status" -eq 2 ]
    [[ $output == *"found 4 groups of videos, expected at least 5, one for each fold; fewer folds: --folds, or FOLD_COUNT of a pipeline"* ]] || explain "$output"
    [[ $output != *va-decode* ]] || explain "$output"
}

@test "what each command has taken is written down" {
    awk -F '\t' 'NF != 5 || $2 < 0 || $4 < 1 { exit 1 }' out/.make/usage || explain "$(cat out/.make/usage)"
    [ "$(grep -c '^va-tcn-mamba-train.*cv/[01]/model.h5$' out/.make/usage)" -eq 2 ]
    grep -q '<section id="cost">' out/report.html
    grep -qE 'va-tcn-mamba-train</td><td[^>]*>2<' out/report.html || explain "$(grep -A 3 'va-tcn-mamba-train' out/report.html)"
    cp -r out/cv bare
    va-report -q -o bare.html bare
    run ! grep -q 'id="cost"' bare.html
    mkdir bare/.make && printf 'va-embed\tsoon\n' >bare/.make/usage
    run -3 --separate-stderr va-report -o bare.html bare
    [[ $stderr == "va-report: bare/.make/usage: line 1: expected tool, seconds, processor seconds, MiB and output, "* ]] || explain "$stderr"
    run -0 --separate-stderr env VA_USAGE=nowhere/usage va-check out/windows.h5
    [ "$stderr" = "va-check: VA_USAGE=nowhere/usage: cannot write: No such file or directory" ]
}

@test "thousands of videos: no command is longer than a system takes" {
    mkdir -p many/features many/labels
    long=$(printf %0230d 0)
    for ((i = 0; i < 600; i++)); do
        v=$long$i
        make_features --video "$v" --dim 2 --frames 20 --seed $i "many/features/$v.h5"
        make_labels --frames 20 --seed "$i" >"many/labels/$v.txt"
    done
    FEATURES=many/features LABELS=many/labels OUT=many/out run corpus windows
    [ "$status" -eq 0 ] || explain "$output"
    [ "$(wc -l <many/out/windows.tsv)" -gt 600 ]
    FEATURES=many/features LABELS=many/labels OUT=many/out run corpus -q windows
    [ "$status" -eq 0 ]
    rm -r many
}
