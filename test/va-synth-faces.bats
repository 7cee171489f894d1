#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# The true faces of va-synth: that they are true, and what cropping, features, predictions and the
# published detector make of people who cross, leave and return.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    va-synth -q --videos 1 --test 0 --traps no --crossing 2 --frames 150 --fps 25 --size 96 --crops yes --seed 5 -o corpus
    va-synth -q --videos 2 --test 1 --frames 60 --size 32 --window 40 --stride 25 --crops yes -o odd
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    C=$BATS_FILE_TMPDIR/corpus
    truth=$C/truth/faces/crossing1.h5
    video=$C/videos/crossing1.mp4
}

# rows FILE: frame, track, box and points, a line a face
rows() {
    paste -d ' ' <(column "$1" /index | tr ' ' '\n') <(column "$1" /track | tr ' ' '\n') <(column "$1" /box | xargs -n 4) \
        <(column "$1" /points | xargs -n 10)
}
people() { paste -d ' ' <(column "$1" /tracks/name | tr ' ' '\n') <(column "$1" /tracks/count | tr ' ' '\n'); }

@test "a file of faces for each video, a person for each with a face, a face for each crop" {
    for corpus in "$C" "$BATS_FILE_TMPDIR/odd"; do
        [ "$(cd "$corpus/truth/faces" && basename -as .h5 ./*)" = "$(cd "$corpus/videos" && basename -as .mp4 ./*)" ]
        va-check "$corpus"/truth/faces/*
    done
    for f in "$C"/truth/faces/*; do
        while read -r name count; do
            [ "$(find "$C/cropped_aligned/$name" -name '*.jpg' | wc -l)" = "$count" ] || explain "$name: $count"
        done <<<"$(people "$f")"
    done
    # where a face turns away there is neither a crop nor a face
    f=$BATS_FILE_TMPDIR/odd/truth/faces/video92.h5
    [ "$(column "$f" /tracks/name)" = "video92_left video92_right" ]
    [ "$(rows "$f" | awk '$2 == 1 { printf "%05d.jpg\n", $1 }')" = "$(ls "$BATS_FILE_TMPDIR/odd/cropped_aligned/video92_left")" ]
    run -2 --separate-stderr va-synth --videos 0 --test 0 --traps no -o none
    [ "$stderr" = "va-synth: --videos, --test, --traps and --crossing ask for no video (try --help)" ] || explain "$stderr"
}

@test "two who cross: one behind the other, each away and back" {
    rows "$truth" >all
    [ "$(column "$truth" /tracks/name)" = "crossing1_right crossing1_left" ]
    [ "$(attribute "$truth" width) $(attribute "$truth" height) $(attribute "$truth" fps)" = "384 96 25" ]
    for track in 1 2; do # gone once
        awk -v track="$track" '$2 == track { n += last && $1 > last + 9; last = $1 } END { exit n != 1 }' all
    done
    awk '$2 == 1 { a[$1] = $3 } $2 == 2 { b[$1] = $3 } END { exit !(a[1] < b[1] && a[75] > b[75]) }' all
    awk '$1 >= 45 && $1 <= 70 { n[$1]++ } END { for (t in n) one += n[t] == 1; exit one < 3 }' all # hidden
}

@test "two who cross have labels where they are seen, and true values in every frame" {
    for v in crossing1 crossing2; do
        for track in 1 2; do
            who=${v}_$([ $track = 1 ] && echo right || echo left)
            tail -n +2 "$C"/VA_Estimation_Challenge/*/"$who".txt | awk '!/-5/ { print NR }' >rated
            rows "$C/truth/faces/$v.h5" | awk -v track=$track '$2 == track { print $1 }' | cmp - rated
            [ "$(wc -l <rated)" -gt 50 ] && [ "$(wc -l <"$C/truth/$who.txt")" = 151 ]
            grep -qx -- '-5,-5' "$C"/VA_Estimation_Challenge/*/"$who".txt
            run ! grep -q -- -5, "$C/truth/$who.txt"
        done
    done
}

@test "crops by the true faces show the faces, upright" {
    va-decode --faces "$truth" --track crossing1_right --raw "$video" >crops.rgb
    [ "$(wc -c <crops.rgb)" = $(($(people "$truth" | awk '/right/ { print $2 }') * 112 * 112 * 3)) ]
    # beside the nose there is skin, in every frame; the wall is grey
    od -An -v -tu1 -w$((112 * 112 * 3)) crops.rgb | awk '
        { p = 3 * (66 * 112 + 44); if ($(p + 1) < $(p + 3) + 20) { n++; print NR ": " $(p + 1) " " $(p + 2) " " $(p + 3) } }
        END { exit n > 0 || NR == 0 }'
}

@test "features and predictions of both, with the true frames" {
    va-weights init --arch vit_tiny -o tiny.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 4,4 --kernel 3 --layers 1 -o model.h5
    va-embed -q -w tiny.h5 --faces "$truth" --output-dir people "$video"
    va-predict -q -m model.h5 --table table.tsv -o pred.h5 people/*.h5
    for who in right left; do
        [ "$(awk -F'\t' -v p=crossing1_$who '$3 == p' table.tsv | wc -l)" = 150 ]
        track=$([ $who = right ] && echo 1 || echo 2)
        [ "$(awk -F'\t' -v p=crossing1_$who '$3 == p && $4 == 1 { print $1 }' table.tsv)" = \
            "$(rows "$truth" | awk -v track="$track" '$2 == track { print $1 }')" ]
    done
    va-overlay -q --faces "$truth" --predictions pred.h5 -o seen.mp4 "$video"
}

@test "the published detector: two people, never taken for one another, where they are" {
    [ -e "$BUILD/share/mamba-va/yunet.h5" ] || skip "no weights of the detector (make deps WITH=faces)"
    for v in crossing1 crossing2; do
        va-faces -q -w "$BUILD/share/mamba-va/yunet.h5" -o found.h5 "$C/videos/$v.mp4"
        [ "$(column found.h5 /tracks/name)" = "${v}_left ${v}_right" ] # in the truth the right one is the first
        awk 'function most(a, b) { return a > b ? a : b }
            function least(a, b) { return a < b ? a : b }
            function common(a, b,  w, h) {
                w = least(x[a] + w_[a], x[b] + w_[b]) - most(x[a], x[b])
                h = least(y[a] + h_[a], y[b] + h_[b]) - most(y[a], y[b])
                return w > 0 && h > 0 ? w * h / (w_[a] * h_[a] + w_[b] * h_[b] - w * h) : 0
            }
            { key = (FNR == NR ? "true" : "found") " " $1 " " (FNR == NR ? 3 - $2 : $2); there[key] = 1
              x[key] = $3; y[key] = $4; w_[key] = $5; h_[key] = $6 }
            FNR == NR { faces++ }
            FNR != NR { found++ }
            END {
                for (t = 1; t <= 150; t++) # from first to last they cover one another
                    if ((("true " t " 1") in there) && (("true " t " 2") in there) && common("true " t " 1", "true " t " 2") > 0) {
                        first = first ? first : t; last = t
                    }
                for (t = 1; t <= 150; t++)
                    for (k = 1; k <= 2; k++) {
                        a = "true " t " " k; b = "found " t " " k
                        if (!(a in there) || (t >= first && t <= last)) continue
                        apart++
                        if (b in there) { hit += common(a, b) > .5; overlap += common(a, b) }
                        b = "found " t " " 3 - k
                        swaps += (b in there) && common(a, b) > .5
                    }
                printf "%d faces, %d found; apart %d, hit %d, overlap %.3f, swaps %d\n", faces, found, apart, hit, overlap / hit, swaps
                exit !(swaps == 0 && found > .93 * faces && hit > .95 * apart && overlap / hit > .75)
            }' <(rows "$C/truth/faces/$v.h5") <(rows found.h5) >said || explain "$(cat said)"
    done
}
