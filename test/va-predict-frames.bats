#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-predict with fine-tuned encoders: frame by frame, from frames files.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir labels
    for v in a b; do
        make_frames --frames 40 --first 4 --width 20 --height 18 --video $v --seed "$(printf %d "'$v")" $v.h5
        make_labels --frames 43 --seed "$(printf %d "'$v")" --unlabelled 1,2,3,9 >labels/$v.txt
    done
    va-weights init --arch vit_tiny -o tiny.h5
    echo a >train.txt
    echo b >val.txt
    tune --epochs 3 -o one.h5
    tune --epochs 2 --seed 7 --freeze-blocks 0 -o two.h5
    # crops with a hole: 2, 3, 6, and eight frames in all
    mkdir crops
    make_image crops/00002.jpg 20 20 40
    make_image crops/00003.jpg 20 20 90
    make_image crops/00006.jpg 20 20 200
    va-decode -q --frame-count 8 --name hole -o hole.h5 crops
}
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }
tune() {
    va-finetune -q -j 1 -w tiny.h5 --labels labels --train train.txt --val val.txt --batch 8 --per-video 32 \
        --warmup-epochs 0 --lr 2e-4 --select last --log-dir log "$@" a.h5 b.h5
}

@test "generic battery" {
    generic_battery va-predict -m one.h5 -o p.h5 a.h5
}

@test "what the trainer saw is what va-score sees; smoothing and ensembles go on from there" {
    tune --epochs 2 -o m.h5
    run -0 --separate-stderr va-predict -m m.h5 --clip no -o p.h5 b.h5
    [ "$output$stderr" = "" ]
    va-check p.h5
    [ "$(attribute p.h5 models)" = "$(attribute m.h5 id)" ]
    attribute p.h5 provenance | grep -q "input=b.h5 $(attribute b.h5 id)"
    [ "$(column p.h5 /videos/b/va | wc -w)" -eq 86 ]
    va-score --labels labels --list val.txt p.h5 >score.tsv
    ours=$(tail -n 1 log/val.tsv | cut -f 3,4)
    theirs=$(awk '$1 == "pooled" && $2 != "mean" { print $3 }' score.tsv | paste -s)
    awk -v a="$ours" -v b="$theirs" 'BEGIN { split(a, x); split(b, y)
        for (i = 1; i <= 2; i++) { d = x[i] - y[i]; if (!(d * d < 1e-8)) exit 1 } }' ||
        explain "val.tsv: $ours, va-score: $theirs"
    va-smooth -q --filter mean --window 5 -o s.h5 p.h5
    va-check s.h5
    va-predict -q -m one.h5 -o q.h5 b.h5
    va-ensemble -q -o e.h5 p.h5 q.h5
    va-check e.h5
    va-score --labels labels --list val.txt s.h5 >smooth.tsv
    run ! diff -q score.tsv smooth.tsv
}

@test "it is the head on va-embed's features" {
    va-embed -q -w one.h5 -o f.h5 a.h5
    va-predict -q -m one.h5 --clip no -o p.h5 a.h5
    column one.h5 /tensors/va_head.weight >w && column one.h5 /tensors/va_head.bias >b
    column f.h5 /features | tr ' ' '\n' >x
    column p.h5 /videos/a/va | tr ' ' '\n' | tail -n 80 >y # frames 4 to 43
    awk 'FILENAME == "w" { split($0, w, " "); next } FILENAME == "b" { split($0, b, " "); next }
        FILENAME == "x" { x[n++] = $1; next } { t = int(k / 2); d = k++ % 2; s = b[d + 1]
        for (i = 0; i < 192; i++) s += w[d * 192 + i + 1] * x[t * 192 + i]
        if (!((s - $1) ^ 2 < 1e-6)) { print t, d, s, $1; exit 1 } } END { if (k != 80) exit 1 }' w b x y
}

@test "features of the same encoder give the same as frames, also where there is no face" {
    for missing in nearest linear zero; do
        va-predict -q -m one.h5 --clip no --missing $missing -o p.h5 a.h5 hole.h5
        va-embed -q -w one.h5 --output-dir f a.h5 hole.h5
        va-predict -q -m one.h5 --clip no --missing $missing -o q.h5 f/a.h5 f/hole.h5
        va-h5cmp --abs 1e-6 p.h5 q.h5
    done
    run -3 --separate-stderr va-predict -m two.h5 -o n.h5 f/a.h5
    [ "$stderr" = "va-predict: f/a.h5: found features of encoder $(attribute one.h5 id), expected those of two.h5, which is $(attribute two.h5 id)" ] || explain "$stderr"
    run -3 --separate-stderr va-predict -m one.h5 -o n.h5 nowhere.mp4
    [ "$stderr" = "va-predict: nowhere.mp4: cannot open: No such file or directory" ] || explain "$stderr"
}

@test "frames without a face: as --missing says, and time stamps as of features" {
    va-predict -q -m one.h5 --clip no --table t.tsv -o p.h5 hole.h5
    va-embed -q -w one.h5 -o f.h5 hole.h5
    for missing in nearest previous linear zero; do
        va-predict -q -m one.h5 --clip no --missing $missing -o p.h5 hole.h5
        column p.h5 /videos/hole/va | xargs -n 2 >$missing
        [ "$(wc -l <$missing)" -eq 8 ]
    done
    line() { sed -n "$2p" "$1"; }
    [ "$(line nearest 1)" = "$(line nearest 2)" ] # leading
    [ "$(line nearest 4)" = "$(line nearest 3)" ]
    [ "$(line nearest 5)" = "$(line nearest 6)" ]
    [ "$(line nearest 8)" = "$(line nearest 6)" ]
    [ "$(line previous 1)" = "0 0" ]
    [ "$(line previous 5)" = "$(line previous 3)" ]
    [ "$(line zero 4)" = "0 0" ] && [ "$(line zero 3)" = "$(line nearest 3)" ]
    awk '{ v[NR] = $1 } END { e = v[3] + (v[6] - v[3]) / 3 - v[4]; exit !(v[3] != v[6] && e * e < 1e-12) }' linear
    # with time stamps: those of the frames, 25 a second
    va-predict -q -m one.h5 --table t.tsv -o p.h5 a.h5
    awk 'NR > 1 && ($2 - ($1 - 1) / 25) ^ 2 > 1e-12 { exit 1 } END { exit NR != 44 }' t.tsv
}

@test "several models are averaged, in any order of videos; values are clipped" {
    va-predict -q -m one.h5 --clip no -o 1.h5 a.h5 b.h5
    va-predict -q -m two.h5 --clip no -o 2.h5 b.h5 a.h5
    va-predict -q -m one.h5 -m two.h5 --clip no -o both.h5 a.h5 b.h5
    for v in a b; do
        paste <(column 1.h5 /videos/$v/va | tr ' ' '\n') <(column 2.h5 /videos/$v/va | tr ' ' '\n') \
            <(column both.h5 /videos/$v/va | tr ' ' '\n') |
            awk '{ d = ($1 + $2) / 2 - $3; if (d * d > 1e-10) exit 1 }'
    done
    [ "$(column 1.h5 /videos/a/va)" != "$(column 2.h5 /videos/a/va)" ]
    [ "$(column 1.h5 /videos/a/va)" != "$(column 1.h5 /videos/b/va)" ]
    va-predict -q -m two.h5 -o c.h5 a.h5
    column c.h5 /videos/a/va | tr ' ' '\n' | awk '$1 < -1 || $1 > 1 { exit 1 }'
}

@test "what does not go together: status 3" {
    make_features --video v --dim 192 --frames 9 f.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 4 --kernel 3 --layers 1 -o head.h5
    fails() { # WORDS ARGS...
        run -3 --separate-stderr va-predict -o n.h5 "${@:2}"
        [ "$stderr" = "va-predict: $1" ] || explain "$stderr"
        [ ! -e n.h5 ]
    }
    fails "tiny.h5: is an encoder without a head for valence and arousal, expected a model that predicts: one of va-finetune, or a temporal model on its features" \
        -m tiny.h5 a.h5
    fails "one.h5: found an encoder, which rates frame by frame, expected a temporal model for --mode chunk" \
        -m one.h5 --mode chunk a.h5
    va-window -q -o w.h5 f.h5 >/dev/null
    fails "one.h5: found an encoder, which rates frame by frame, expected a temporal model for --windows" \
        -m one.h5 --windows w.h5
    run -3 --separate-stderr va-predict -o n.h5 -m one.h5 f.h5
    [[ $stderr == "va-predict: f.h5: found features of encoder unknown, expected those of one.h5"* ]] || explain "$stderr"
    fails "a.h5: found va.frames/1, expected va.features/1: make features of it with va-embed" -m head.h5 a.h5
    run -3 --separate-stderr va-predict -o n.h5 -m one.h5 -m head.h5 a.h5
    [[ $stderr == "va-predict: head.h5: "* ]] || explain "$stderr"
    [ ! -e n.h5 ]
}

@test "--labels: where they go on behind the last frame, so do predictions" {
    make_labels --frames 50 --seed 98 >labels/b.txt
    va-predict -q -m one.h5 -o p.h5 b.h5
    run -3 va-score --labels labels --list val.txt p.h5
    va-predict -q -m one.h5 --labels labels -o q.h5 b.h5
    [ "$(column q.h5 /videos/b/va | wc -w)" -eq 100 ]
    [ "$(column q.h5 /videos/b/va | tr ' ' '\n' | head -n 86)" = "$(column p.h5 /videos/b/va | tr ' ' '\n')" ]
    va-score --labels labels --list val.txt q.h5 >/dev/null
    # of features likewise
    va-weights init --arch mamba-va --in-dim 192 --channels 8 --kernel 3 --layers 1 -o temporal.h5
    va-embed -q -w one.h5 -o f.h5 b.h5
    va-predict -q -m temporal.h5 --labels labels -o t.h5 f.h5
    va-window --labels labels -o w.h5 f.h5 >/dev/null
    va-predict -q -m temporal.h5 --windows w.h5 -o u.h5
    va-h5cmp t.h5 u.h5
    run -2 va-predict -m temporal.h5 --windows w.h5 --labels labels -o u.h5
}
