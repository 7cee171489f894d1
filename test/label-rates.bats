#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Labels whose rows are not the frames: said, refused beyond the ratio, resampled where the rate is told.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" && mkdir -p lab
    make_features --frames 750 --fps 25 --video v v.h5
}

HINT="more than 1.5 times apart: --label-fps FPS resamples rows of another rate, --unmatched allow uses row k for frame k"
row() { awk -F '\t' -v v="$1" '$1 == v { print $2, $3, $4, $5, $6 }' <<<"$output"; }

# refused WORDS TOOL ARGS...: exit 3, this line, no out.h5
refused() {
    run -3 --separate-stderr "${@:2}"
    [ "$stderr" = "$2: $1, $HINT" ] || explain "$stderr"
    [ ! -e out.h5 ]
}

@test "4 rows a second for 25 frames: refused with rows, frames and seconds; resampled; allowed" {
    make_labels --frames 120 >lab/v.txt
    refused "lab/v.txt: found 120 rows for 750 frames of video 'v' (30.0 seconds at 25 frames per second)" \
        va-window --labels lab -o out.h5 v.h5
    run -0 --separate-stderr va-window --label-fps 4 --labels lab -o out.h5 v.h5
    [ "$stderr" = "" ]
    [ "$(row v)" = "750 750 750 750 0" ]
    # frame 8 is at .28 s: 3 parts of 25 between rows 2 and 3
    labels=$(column out.h5 /timeline/label | tr ' ' '\n')
    awk -F, 'NR == FNR { x[NR] = $1; next } { v[FNR] = $1 }
        function same(a, b) { if (a - b > 1e-5 || b - a > 1e-5) exit 1 }
        END {
            same(x[1], v[2]); same(x[15], v[3] * .88 + v[4] * .12)
            same(x[1499], v[121]) # the last row holds to the end
        }' <(echo "$labels") lab/v.txt
    run -0 --separate-stderr va-window --unmatched allow --labels lab -o out.h5 v.h5
    [ "$stderr" = "va-window: lab/v.txt: 120 rows for 750 frames of video 'v' (30.0 seconds at 25 frames per second)" ]
    [ "$(row v)" = "750 750 120 120 0" ]
    rm out.h5
    refused "lab/v.txt: found 120 rows at 8 per second for 750 frames of video 'v' (30.0 seconds at 25 frames per second)" \
        va-window --label-fps 8 --labels lab -o out.h5 v.h5
}

@test "three and two times too many rows, half as many: refused; 1.5 times and small differences said" {
    for rows in 2250 1500 375 1126 499; do
        make_labels --frames $rows >lab/v.txt
        refused "lab/v.txt: found $rows rows for 750 frames of video 'v' (30.0 seconds at 25 frames per second)" \
            va-window --labels lab -o out.h5 v.h5
    done
    for rows in 1125 500 751 749; do
        make_labels --frames $rows >lab/v.txt
        run -0 --separate-stderr va-window --labels lab -o out.h5 v.h5
        [ "$stderr" = "va-window: lab/v.txt: $rows rows for 750 frames of video 'v' (30.0 seconds at 25 frames per second)" ]
        run -0 --separate-stderr va-window -q --labels lab -o out.h5 v.h5
        [ "$stderr" = "" ]
    done
    make_labels --frames 750 >lab/v.txt
    va-window --labels lab -o plain.h5 v.h5
    va-window --labels lab --label-fps 25 -o out.h5 v.h5
    [ "$(column out.h5 /timeline/label)" = "$(column plain.h5 /timeline/label)" ]
    make_labels --frames 2250 >lab/v.txt
    run -0 --separate-stderr va-window --labels lab --label-fps 75 -o out.h5 v.h5
    [ "$stderr" = "" ] && [ "$(row v)" = "750 750 750 750 0" ]
}

@test "rows that are not annotated, none at all, rates that nobody knows" {
    printf 'valence,arousal\n0.5,0\n-5,-5\n1,-1\n' >lab/v.txt # at 1, 2 and 3 seconds of 5 frames each
    make_features --frames 15 --fps 5 --video v v.h5
    run -0 va-window --labels lab --label-fps 1 -o out.h5 v.h5
    [ "$(column out.h5 /timeline/valid)" = "1 0 0 0 0 0 0 0 0 0 1 1 1 1 1" ]
    rm out.h5
    echo valence,arousal >lab/v.txt
    run -3 --separate-stderr va-window --labels lab -o out.h5 v.h5
    [[ $stderr == *"lab: found labels for none of the 1 videos: name label files after their videos, such as "* ]]
    make_features --frames 6 --fps 0 --video v v.h5 # crops: the last face, not the end
    make_labels --frames 60 >lab/v.txt
    run -0 --separate-stderr va-window --labels lab -o out.h5 v.h5
    [ "$stderr" = "va-window: lab/v.txt: 60 rows for 6 frames of video 'v' (frames per second not known)" ]
    [ "$(row v)" = "60 6 60 60 54" ] && rm out.h5
    run -3 --separate-stderr va-window --label-fps 4 --labels lab -o out.h5 v.h5
    [ "$stderr" = "va-window: lab/v.txt: --label-fps 4: the frame rate of video 'v' is unknown" ]
    make_labels --frames 3 >lab/v.txt
    refused "lab/v.txt: found 3 rows for 6 frames of video 'v' (frames per second not known)" \
        va-window --labels lab -o out.h5 v.h5
    make_features --frames 6 --video v v.h5
    run -3 --separate-stderr va-window --label-fps 1e-6 --labels lab -o out.h5 v.h5
    [ "$stderr" = "va-window: lab/v.txt: 3 rows at 1e-06 per second are 90000000 frames, expected at most 16777216" ]
}

@test "the same rule in va-predict, va-score and va-ensemble fit" {
    make_labels --frames 750 >lab/v.txt
    make_features --frames 90 --video w --seed 7 w.h5
    make_labels --frames 90 >lab/w.txt
    va-window -q --labels lab --window 30 --stride 30 -o win.h5 v.h5 w.h5 >/dev/null
    va-tcn-mamba-train -q -j 1 --channels 4 --kernel 3 --layers 1 --hidden 4 --warmup-epochs 1 --steps 1 \
        --windows win.h5 --train <(echo v) --val <(echo w) -o m.h5
    make_labels --frames 120 >lab/v.txt
    rm lab/w.txt
    local words="lab/v.txt: found 120 rows for 750 frames of video 'v' (30.0 seconds at 25 frames per second)"
    refused "$words" va-predict -m m.h5 --labels lab -o out.h5 v.h5
    va-predict -q -m m.h5 --labels lab --label-fps 4 -o p.h5 v.h5
    [ "$(column p.h5 /videos/v/va | wc -w)" -eq 1500 ]
    refused "$words" va-score --labels lab p.h5
    refused "$words" va-ensemble fit --labels lab -o out.h5 p.h5
    run -0 va-score --labels lab --label-fps 4 p.h5
    [ "$(awk '$1 == "pooled" { print $NF }' <<<"$output" | sort -u)" = 750 ]
    run -0 va-score -q --labels lab --unmatched allow p.h5
    [ "$(awk '$1 == "pooled" { print $NF }' <<<"$output" | sort -u)" = 120 ]
    va-ensemble fit -q --labels lab --label-fps 4 -o weights.tsv p.h5
    grep -q "^frames.*750" weights.tsv || explain "$(cat weights.tsv)"
}

@test "va-finetune: rows at another rate are refused, also where pictures without a row are left out" {
    va-weights init -q --arch vit_tiny -o tiny.h5
    for v in a b; do
        make_frames --frames 30 --width 20 --height 18 --video $v $v.frames.h5
        make_labels --frames 5 >lab/$v.txt
    done
    tune() {
        va-finetune -q -j 1 -w tiny.h5 --labels lab --train <(echo a) --val <(echo b) --batch 4 --per-video 4 \
            --warmup-epochs 1 --epochs 1 --freeze-blocks 1 "$@" -o out.h5 a.frames.h5 b.frames.h5
    }
    fps=$(attribute a.frames.h5 fps)
    for unmatched in refuse skip; do
        run -3 --separate-stderr tune --unmatched $unmatched
        [[ $stderr == "va-finetune: lab/a.txt: found 5 rows for 30 frames of video 'a' ("*"), $HINT" ]] || explain "$stderr"
    done
    tune --unmatched allow && rm out.h5
    tune --label-fps "$(awk -v f="$fps" 'BEGIN { print f / 6 }')"
}
