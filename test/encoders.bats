#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Features of one encoder do not meet those of another, or a model of another, without a word.
bats_require_minimum_version 1.8.0
load lib/va
load lib/train

setup_file() {
    train_setup_file
    for v in a b c d; do make_features --video $v --dim 6 --frames 90 --encoder one --seed 1 $v.h5; done
    make_features --video d --dim 6 --frames 90 --encoder two d2.h5
    make_features --video d --dim 6 --frames 90 d0.h5
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    train --steps 2 -o m.h5
}
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

# refused WORDS TOOL ARGS...: exit 3, this line, no n.h5
refused() {
    run -3 --separate-stderr "${@:2}" -o n.h5
    [ "$stderr" = "$2: $1" ] || explain "$stderr"
    [ ! -e n.h5 ]
}

cut_mixed() { va-window -q --any-encoder --labels labels --window 30 --stride 20 -o mixed.h5 a.h5 b.h5 c.h5 d2.h5 >/dev/null; }

@test "va-window: two encoders are refused, with both and their files; none named is taken" {
    refused "d2.h5: found features of encoder two, expected one as in a.h5 (--any-encoder accepts them)" \
        va-window a.h5 b.h5 d2.h5
    cut_mixed
    run -0 --separate-stderr va-window -o n.h5 d0.h5 a.h5 b.h5
    [ "$stderr" = "" ]
}

@test "a model keeps the encoder of its features and their rates" {
    [ "$(attribute m.h5 encoder) $(attribute m.h5 fps-min) $(attribute m.h5 fps-max)" = "one 30 30" ]
    va-weights info m.h5 | grep -qx "setting	encoder	one"
    va-check m.h5
    make_features --video a --dim 6 --frames 90 --fps 29.97002997 --encoder one a.h5
    make_features --video b --dim 6 --frames 90 --fps 12.5 --encoder one b.h5
    make_features --video d --dim 6 --frames 90 --fps 60 --encoder one d.h5 # validates only
    va-window -q --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    train --steps 2 -o n.h5
    [ "$(attribute n.h5 fps-min) $(attribute n.h5 fps-max)" = "12.5 30" ]
    va-weights export -o n.safetensors n.h5
    va-weights import -o back.h5 n.safetensors
    [ "$(attribute back.h5 encoder) $(attribute back.h5 fps-min)" = "one 12.5" ]
}

@test "va-predict: another encoder is refused, --any-encoder takes it; none named is taken" {
    for d in d.h5 d0.h5; do
        run -0 --separate-stderr va-predict -m m.h5 -o n.h5 $d
        [ "$stderr" = "" ]
    done
    rm n.h5
    refused "d2.h5: found features of encoder two, expected one as in m.h5 (--any-encoder accepts them)" \
        va-predict -m m.h5 d2.h5
    run -0 --separate-stderr va-predict --any-encoder -m m.h5 -o n.h5 d2.h5
    [ "$stderr" = "" ] && rm n.h5
    # of windows those videos count that are predicted
    cut_mixed
    va-predict -m m.h5 --windows mixed.h5 --list train.txt -o n.h5 && rm n.h5
    refused "d2.h5: found features of encoder two, expected one as in m.h5 (--any-encoder accepts them)" \
        va-predict -m m.h5 --windows mixed.h5
    # a model from before, or made elsewhere
    h5edit m.h5 delete @encoder
    va-predict -m m.h5 -o n.h5 d2.h5 && rm n.h5
    refused "d2.h5: found features of encoder two, expected one as in a.h5 (--any-encoder accepts them)" \
        va-predict -m m.h5 a.h5 d2.h5
}

@test "several models: the one that does not fit is named" {
    make_features --video a --dim 6 --frames 90 --encoder two a2.h5
    make_features --video b --dim 6 --frames 90 --encoder two b2.h5
    va-window -q --labels labels --window 30 --stride 20 -o w.h5 a2.h5 b2.h5 >/dev/null
    va-tcn-mamba-train -q "${RUN[@]}" --train <(echo a) --val <(echo b) --steps 2 -o m2.h5
    refused "d.h5: found features of encoder one, expected two as in m2.h5 (--any-encoder accepts them)" \
        va-predict -m m.h5 -m m2.h5 d.h5
}

@test "training: mixed windows, and weights of a model of another encoder" {
    cut_mixed
    local words="d2.h5: found features of encoder two, expected one as in a.h5 (--any-encoder accepts them)"
    refused "$words" va-tcn-mamba-train "${RUN[@]}" --windows mixed.h5 --steps 2
    refused "$words" va-ridge --windows mixed.h5 --train train.txt --val val.txt
    va-ridge --any-encoder --windows mixed.h5 --train train.txt --val val.txt -o n.h5 && rm n.h5
    train --any-encoder --windows mixed.h5 --steps 2 -o n.h5
    run ! grep -a "encoder	" <(va-weights info n.h5)
    rm n.h5
    make_features --video a --dim 6 --frames 90 --encoder two a2.h5
    va-window -q --labels labels --window 30 --stride 20 -o two.h5 a2.h5 d2.h5 >/dev/null
    echo a >train.txt
    refused "a2.h5: found features of encoder two, expected one as in m.h5 (--any-encoder accepts them)" \
        va-tcn-mamba-train "${RUN[@]}" --windows two.h5 --init m.h5 --steps 2
    va-tcn-mamba-train -q -j 1 --any-encoder --windows two.h5 --train train.txt --val val.txt --init m.h5 \
        --warmup-epochs 1 --steps 2 -o n.h5
    [ "$(attribute n.h5 encoder)" = two ]
}

@test "a rate far from the training's is warned of, once" {
    for fps in 45 20 0; do
        make_features --video d --dim 6 --frames 90 --fps $fps d.h5
        run -0 --separate-stderr va-predict -m m.h5 -o p.h5 d.h5
        [ "$stderr" = "" ] || explain "$fps: $stderr"
    done
    make_features --video d --dim 6 --frames 90 --fps 60 d.h5
    make_features --video e --dim 6 --frames 90 --fps 15 e.h5
    run -0 --separate-stderr va-predict -m m.h5 -o p.h5 d.h5 e.h5
    [ "$stderr" = "va-predict: d.h5 (and 1 more): 60 frames per second, but m.h5 was trained at 30: predictions may be worse" ] ||
        explain "$stderr"
}
