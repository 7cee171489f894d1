#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-ridge: the linear baseline, on labels that are a linear map of the features, and on others.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir labels
    for i in 1 2 3 4; do
        make_features --frames 200 --dim 6 --video v$i --seed $i f$i.h5
        linear_labels f$i.h5 >labels/v$i.txt
    done
    va-window --labels labels -o w.h5 f1.h5 f2.h5 f3.h5 f4.h5 >/dev/null
    printf '%s\n' v1 v2 v3 >train.txt
    echo v4 >val.txt
}
# labels that columns 0 to 2 of the features determine
linear_labels() {
    echo valence,arousal
    column "$1" /features | tr ' ' '\n' | paste -d ' ' - - - - - - |
        awk '{ printf "%.9g,%.9g\n", .1 + .08 * $1 - .05 * $2, -.2 + .1 * $3 }'
}
score() { # CCC of the mean of both
    va-score -q --labels labels --list val.txt "$@" | awk '$1 == "pooled" && $2 == "mean" { print $3 }'
}
refused() { # CODE TEXT ARGS...
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr va-ridge "$@"
    [ "$stderr" = "va-ridge: $text" ] || explain "$stderr"
    [ ! -e p.h5 ]
}

@test "generic battery" {
    BATTERY_WHOLE="train.txt val.txt" generic_battery va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
}

@test "a linear map is found, on videos that were not seen" {
    run -0 --separate-stderr va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
    [ "$output$stderr" = "" ]
    va-check p.h5
    [ "$(column p.h5 /videos/v4/pts | wc -w)" -eq 200 ]
    awk -v x="$(score p.h5)" 'BEGIN { exit !(x > .9999) }'
}

@test "without a penalty the map is exact" {
    va-ridge --lambda 0 --windows w.h5 --train train.txt --val val.txt -o p.h5
    awk -v x="$(score p.h5)" 'BEGIN { exit !(x > .9999999) }'
}

@test "a penalty without end leaves the mean; so does --method mean" {
    va-ridge --lambda 1e9 --windows w.h5 --train train.txt --val val.txt -o p.h5
    va-ridge --method mean --windows w.h5 --train train.txt --val val.txt -o m.h5
    same_numbers --abs 1e-6 p.h5 m.h5 # ids of the models differ
    [ "$(score m.h5)" = 0 ]
    awk -v x="$(score p.h5)" 'BEGIN { exit !(x < 1e-6) }'
}

@test "noise is not fitted: auto chooses a strong penalty" {
    for i in 1 2 3 4; do make_labels --frames 200 --seed $i >labels/v$i.txt; done
    va-window --labels labels -o w.h5 f1.h5 f2.h5 f3.h5 f4.h5 >/dev/null
    va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
    awk -v x="$(score p.h5)" 'BEGIN { exit !(x < .1 && x > -.1) }'
}

# labels that lie in other frames: valence is column 1 of four frames later (of the last one at the
# end), arousal the mean of column 3 over five frames around
labels_in_time() {
    echo valence,arousal
    column "$1" /features | tr ' ' '\n' | paste -d ' ' - - - - - - | awk '
        { a[NR] = $2; b[NR] = $4 }
        function at(x, t) { return x[t < 1 ? 1 : t > NR ? NR : t] }
        END { for (t = 1; t <= NR; t++) {
                  m = 0
                  for (k = -2; k <= 2; k++) m += at(b, t + k) / 5
                  printf "%.9g,%.9g\n", at(a, t + 4) / 10, m / 5 }
        }'
}

@test "--context: what lies in the frames around is found, also at the ends" {
    for i in 1 2 3 4; do labels_in_time f$i.h5 >labels/v$i.txt; done
    va-window --labels labels -o w.h5 f1.h5 f2.h5 f3.h5 f4.h5 >/dev/null
    reaches() { # reaches VALENCE AROUSAL OPTIONS...: CCC above (+) or below (-) .9
        va-ridge --windows w.h5 --train train.txt --val val.txt --lambda 0 "${@:3}" -o p.h5
        found=$(va-score -q --labels labels --list val.txt p.h5 |
            awk '$1 == "pooled" && $2 != "mean" { printf "%s", ($3 > .999 ? "+" : $3 < .6 ? "-" : "?") }')
        [ "$found" = "$1$2" ] || explain "${*:3}: $found"
    }
    reaches - -
    reaches - + --context 2
    reaches + + --context 4
    reaches - + --step 5
    reaches + + --context 20 --step 1
}

@test "--select forward takes the features that help, and no others" {
    va-ridge -v --select forward --windows w.h5 --train train.txt --val val.txt -o p.h5 2>err
    [ "$(grep -o 'valence: feature .*' err | sort | paste -sd ' ')" = "valence: feature 0 valence: feature 1" ]
    [ "$(grep -o 'arousal: feature .*' err)" = "arousal: feature 2" ]
    awk -v x="$(score p.h5)" 'BEGIN { exit !(x > .9999) }'
    va-ridge -v --select forward --features 1 --windows w.h5 --train train.txt --val val.txt -o p.h5 2>err
    [ "$(grep -c feature err)" -eq 2 ]
    awk -v x="$(score p.h5)" 'BEGIN { exit !(x < .99) }'
    echo v1 >train.txt && rm p.h5
    refused 3 "train.txt: found one group of videos, but --select forward needs two" --select forward \
        --windows w.h5 --train train.txt --val val.txt -o p.h5
}

@test "--groups says what stays together" {
    printf 'clip\tgroup\nv1\tx\nv2\tx\nv3\tx\nv4\ty\n' >groups.tsv
    run -0 --separate-stderr va-ridge --groups groups.tsv --windows w.h5 --train train.txt --val val.txt -o p.h5
    [ "$stderr" = "va-ridge: train.txt: found one group of videos, so no inner cross-validation: lambda is .1" ]
    run -0 --separate-stderr va-ridge --group-pattern ^v --windows w.h5 --train train.txt --val val.txt -o q.h5
    [ "$stderr" = "va-ridge: train.txt: found one group of videos, so no inner cross-validation: lambda is .1" ]
    rm p.h5
    printf 'clip\tgroup\nv1\tx\nv2\ty\n' >groups.tsv
    refused 3 "groups.tsv: found no row for video 'v3'" --groups groups.tsv --windows w.h5 \
        --train train.txt --val val.txt -o p.h5
    run -2 --separate-stderr va-ridge --groups groups.tsv --group-pattern v --windows w.h5 --train train.txt --val val.txt -o p.h5
    [ "$stderr" = "va-ridge: --groups and --group-pattern conflict (try --help)" ]
    printf 'clip\tfold\nv1\t0\n' >groups.tsv
    refused 3 "groups.tsv: line 1: found no column group, expected clip (or video) and group" \
        --groups groups.tsv --windows w.h5 --train train.txt --val val.txt -o p.h5
}

@test "frames without a face and without labels are predicted too; limited to [-1, 1]" {
    make_features --frames 10 --gaps 4,5 --frame-count 12 --dim 6 --video g --seed 9 g.h5
    make_features --frames 200 --dim 6 --video v1 --seed 1 f1.h5
    va-window --labels labels -o w.h5 f1.h5 g.h5 2>/dev/null >&2
    echo v1 >train.txt
    echo g >val.txt
    va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
    [ "$(column p.h5 /videos/g/va | wc -w)" -eq 24 ]
    column p.h5 /videos/g/va | tr ' ' '\n' | awk '$1 < -1 || $1 > 1 { exit 1 }'
}

@test "a constant column does no harm, one video is enough" {
    echo v1 >train.txt
    va-ridge -v --windows w.h5 --train train.txt --val val.txt -o p.h5
    awk -v x="$(score p.h5)" 'BEGIN { exit !(x > .95) }'
}

@test "equal inputs give equal bytes" {
    va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
    sleep 1.1
    va-ridge --windows w.h5 --train train.txt --val val.txt -o p2.h5
    cmp p.h5 p2.h5
}

@test "names that the windows lack, and no labels" {
    echo v9 >>train.txt
    refused 3 "train.txt: line 4: found 'v9', which is not in w.h5" \
        --windows w.h5 --train train.txt --val val.txt -o p.h5
    printf '%s\n' v1 v2 v1 >train.txt
    refused 3 "train.txt: line 3: 'v1' is also in line 1" \
        --windows w.h5 --train train.txt --val val.txt -o p.h5
    echo v1 >train.txt
    va-window -o w.h5 f1.h5 f4.h5 >/dev/null
    refused 3 "train.txt: found no labelled frame in these videos" \
        --windows w.h5 --train train.txt --val val.txt -o p.h5
}

@test "features: gone, changed, not finite, without the rows that the windows name" {
    mv f2.h5 away.h5
    run -3 --separate-stderr va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
    [[ $stderr == "va-ridge: f2.h5: cannot open: No such file or directory" ]] || explain "$stderr"
    make_features --frames 200 --dim 6 --video v2 --seed 99 f2.h5
    run -3 --separate-stderr va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
    [[ $stderr == "va-ridge: f2.h5: has changed since va-window read it: "* ]]
    mv away.h5 f2.h5
    h5edit w.h5 poke /timeline/row 3 77777
    refused 3 "w.h5: /timeline/row: frame 4 of video 'v1': found row 77777, but f1.h5 has 200" \
        --windows w.h5 --train train.txt --val val.txt -o p.h5
    h5edit w.h5 poke /timeline/row 3 3
    h5edit f1.h5 poke /features 600 nan # behind the back of its id
    run -3 --separate-stderr va-ridge --windows w.h5 --train train.txt --val val.txt -o p.h5
    [[ $stderr == "va-ridge: f1.h5: /features: frame "*"found nan, expected a finite number" ]] ||
        explain "$stderr"
}

@test "windows that contradict themselves" {
    for change in "/timeline/mix 0 2" "/timeline/label 0 3" "/videos/offset 1 100" \
        "/windows/start 0 900" "/windows/length 0 301" "/windows/video 0 3"; do
        cp w.h5 bad.h5
        # shellcheck disable=SC2086
        h5edit bad.h5 poke $change
        run -3 --separate-stderr va-ridge --windows bad.h5 --train train.txt --val val.txt -o p.h5
        [[ $stderr == "va-ridge: bad.h5: "* ]] || explain "$change: $stderr"
        [ ! -e p.h5 ]
    done
}
