#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-ensemble fit finds weights on labelled videos, va-ensemble --weight-table applies them. That the
# weights are the best there are is a unit test.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir labels a b
    make_labels --frames 60 --unlabelled 5,6,40 --seed 1 >labels/v.txt
    make_labels --frames 33 --seed 2 >labels/w.txt
    for v in v w; do
        # a errs by a wave, b by -3 times that
        mixed labels/$v.txt 1 .1 >a/$v.txt
        mixed labels/$v.txt 1 -.3 >b/$v.txt
    done
    make_predictions --model A -o a.h5 a/v.txt a/w.txt
    make_predictions --model B -o b.h5 b/v.txt b/w.txt
}

# mixed FILE GAIN ERROR: predictions GAIN * label + ERROR * (wave + .1), in arousal twice the error
mixed() {
    awk -F , -v OFS=, -v g="$2" -v e="$3" 'NR == 1 { print; next } {
        if ($1 == -5) $1 = $2 = 0.5
        x = sin(NR * 1.7) + .1; printf "%.9g,%.9g\n", g * $1 + e * x, g * $2 + 2 * e * x }' "$1"
}
# cell WHAT NAME COLUMN of w.tsv; valence is column 4, arousal 5
cell() { awk -F '\t' -v w="$1" -v n="$2" -v c="$3" '$1 == w && $2 == n { print $c }' w.tsv; }
near() { awk -v a="$1" -v b="$2" -v e="${3:-1e-6}" 'BEGIN { exit !(a - b <= e && b - a <= e) }'; }
# ccc DIMENSION ARGS...: what va-score says
ccc() { va-score -q --labels labels "${@:2}" | awk -v d="$1" '$1 == "pooled" && $2 == d { print $3 }'; }
refused() { refused_by va-ensemble "$@"; } # CODE TEXT ARGS...

@test "generic battery: fit" {
    echo v >list
    BATTERY_WHOLE=list generic_battery "va-ensemble fit" -q --labels labels --list list -o w.tsv a.h5 b.h5
}
@test "generic battery: weights" {
    va-ensemble fit -q --labels labels -o w.tsv a.h5 b.h5
    generic_battery va-ensemble --weight-table w.tsv -o out.h5 a.h5 b.h5
}

@test "errors that cancel are found, and the table says what is reached" {
    run -0 --separate-stderr va-ensemble fit --labels labels -o w.tsv a.h5 b.h5
    [ "$output" = "" ]
    [[ $stderr == "va-ensemble: valence: ccc 1.0000, with equal weights 0."*$'\n'"va-ensemble: arousal: ccc 1.0000, with"* ]]
    [ "$(cut -f 1-3 w.tsv)" = "what	name	id
frames	-	-
ccc	a.h5	A
ccc	b.h5	B
ccc	equal	-
ccc	combined	-
scale	-	-
shift	-	-
weight	a.h5	A
weight	b.h5	B" ]
    [ "$(head -n 1 w.tsv | cut -f 4-)" = "valence	arousal" ]
    [ "$(cell frames - 4)" = 90 ] # 93 without three that have no label
    for column in 4 5; do
        near "$(cell weight a.h5 $column)" .75
        near "$(cell weight b.h5 $column)" .25
        [ "$(cell scale - $column) $(cell shift - $column)" = "1 0" ]
    done
    va-ensemble --weight-table w.tsv -o out.h5 a.h5 b.h5
    va-check out.h5
    near "$(ccc mean out.h5)" 1
    [ "$(attribute out.h5 models)" = "A B" ]
    [[ "$(attribute out.h5 provenance)" == *"--weight-table w.tsv"*"input=b.h5 "*"input=w.tsv "* ]]
}

@test "CCC of the table is that of va-score" {
    for v in v w; do # errors that do not cancel
        mixed labels/$v.txt .5 .2 | awk -F , 'NR > 1 { $0 = $1 + .2 * cos(NR) "," $2 - .3 * sin(7 * NR) } 1' >a/$v.txt
        mixed labels/$v.txt .8 .4 | awk -F , 'NR > 1 { $0 = $1 - .3 * sin(5 * NR) "," $2 + .2 * cos(3 * NR) } 1' >b/$v.txt
    done
    make_predictions --model A -o a.h5 a/v.txt a/w.txt
    make_predictions --model B -o b.h5 b/v.txt b/w.txt
    for affine in no yes; do
        va-ensemble fit -q --affine $affine --labels labels -o w.tsv a.h5 b.h5
        va-ensemble --weight-table w.tsv --clip no -o out.h5 a.h5 b.h5
        va-ensemble --clip no -o equal.h5 a.h5 b.h5
        for pair in "valence 4" "arousal 5"; do
            read -r name column <<<"$pair"
            near "$(cell ccc combined "$column")" "$(ccc "$name" out.h5)"
            near "$(cell ccc equal "$column")" "$(ccc "$name" equal.h5)"
            near "$(cell ccc a.h5 "$column")" "$(ccc "$name" a.h5)"
            near "$(cell ccc b.h5 "$column")" "$(ccc "$name" b.h5)"
            awk -F '\t' -v c="$column" '$1 == "ccc" { if ($c > most) most = $c; if ($2 == "combined") own = $c }
                END { exit !(own == most && own < .99) }' w.tsv
        done
        [ $affine = yes ] || cp w.tsv plain.tsv
    done
    # the map makes mean and deviation those of the labels: r = CCC, and more than without
    va-score -q --labels labels out.h5 | awk -F '\t' '$1 == "pooled" && $2 != "mean" && ($3 - $4 > 1e-6 || $4 - $3 > 1e-6) { exit 1 }'
    awk -F '\t' '$2 == "combined" { print $4 }' plain.tsv w.tsv | { read -r plain && read -r map && awk -v p="$plain" -v m="$map" 'BEGIN { exit !(m > p + .001) }'; }
    [ "$(cell scale - 4)" != 1 ]
}

@test "--list chooses the videos of the fit" {
    echo w >list
    va-ensemble fit -q --labels labels --list list -o w.tsv a.h5 b.h5
    [ "$(cell frames - 4)" = 33 ]
    echo x >>list
    refused 3 "list: line 2: found 'x', which is not in the folders of labels" \
        fit --labels labels --list list -o out a.h5 b.h5
}

@test "labels without predictions: refused, or left out" {
    make_labels --frames 3 >labels/x.txt
    refused 3 "labels/x.txt: video 'x' has no predictions: add them, or choose videos with --list, or leave the video out with --missing skip" fit --labels labels -o out a.h5 b.h5
    run -0 --separate-stderr va-ensemble fit --missing skip --labels labels -o w.tsv a.h5 b.h5
    [ "${stderr_lines[0]}" = "va-ensemble: x: has no predictions, left out" ]
    rm labels/x.txt
    make_predictions --model B -o b.h5 b/w.txt
    refused 3 "b.h5: video 'v' is missing, but a.h5 has it" fit --labels labels -o out a.h5 b.h5
    va-ensemble fit -q --missing skip --labels labels -o w.tsv a.h5 b.h5
    [ "$(cell frames - 5)" = 33 ]
    for m in a b; do
        head -n 31 $m/w.txt >short && mv short $m/w.txt
        make_predictions -o $m.h5 $m/w.txt
    done
    rm labels/v.txt
    refused 3 "a.h5: video 'w': found predictions for 30 frames, but frame 31 is labelled in labels/w.txt" \
        fit --labels labels -o out a.h5 b.h5
    va-ensemble fit -q --missing skip --labels labels -o w.tsv a.h5 b.h5
    [ "$(cell frames - 5)" = 30 ]
    printf 'valence,arousal\n-5,-5\n' >labels/w.txt
    refused 3 "labels: found no labelled frame that has predictions" fit --unmatched allow --labels labels -o out a.h5 b.h5
}

@test "predictions without labels do not count" {
    rm labels/v.txt
    va-ensemble fit -q --labels labels -o w.tsv a.h5 b.h5
    [ "$(cell frames - 4)" = 33 ]
}

@test "labels that do not move: equal weights" {
    printf '%s\n' valence,arousal 0.5,0.5 0.5,0.25 0.5,0.5 >labels/w.txt
    rm labels/v.txt
    va-ensemble fit -q --affine yes --unmatched allow --labels labels -o w.tsv a.h5 b.h5
    [ "$(cell weight a.h5 4) $(cell weight b.h5 4)" = "0.5 0.5" ]
    [ "$(cell ccc combined 4) $(cell scale - 4) $(cell shift - 4)" = "0 1 0" ]
    printf '%s\n' valence,arousal 0.5,0 0.5,1 >a/w.txt
    printf '%s\n' valence,arousal 0.5,0 0.5,1 >labels/w.txt
    make_predictions -o a.h5 a/w.txt
    va-ensemble fit -q --labels labels -o w.tsv a.h5
    [ "$(cell ccc combined 4) $(cell ccc combined 5)" = "nan 1" ]
}

@test "files in another number or order than in the table" {
    va-ensemble fit -q --labels labels -o w.tsv a.h5 b.h5
    refused 3 "w.tsv: found weights for 2 files, expected weights for the 1 given files" --weight-table w.tsv -o out a.h5
    refused 3 "w.tsv: found weights for 2 files, expected weights for the 3 given files" --weight-table w.tsv -o out a.h5 b.h5 a.h5
    refused 3 "b.h5: found the models of b.h5 at position 1, expected them at position 2 as in w.tsv" \
        --weight-table w.tsv -o out b.h5 a.h5
    make_predictions --model B2 -o new.h5 b/v.txt b/w.txt
    run -0 --separate-stderr va-ensemble -q --weight-table w.tsv -o out.h5 a.h5 new.h5
    [ "$stderr" = "va-ensemble: new.h5: its models are not those of b.h5, for which w.tsv has weights" ] ||
        explain "$stderr"
    mkdir fold && mv new.h5 fold/b.h5 # trained again, or on another fold: the name says what it is
    run -0 --separate-stderr va-ensemble -q --weight-table w.tsv -o out.h5 a.h5 fold/b.h5
    [ "$stderr" = "" ]
}

@test "other videos of the same models; models in groups" {
    va-ensemble -o ab.h5 a.h5 b.h5
    va-ensemble fit -q --labels labels -o w.tsv ab.h5 b.h5
    [[ "$(awk -F '\t' '$1 == "weight" && $2 == "ab.h5" { print $3 }' w.tsv)" == "2 models "???????????????????????????????? ]]
    mkdir test
    for m in a b; do cp $m/v.txt test/z.txt && make_predictions --model ${m^} -o $m.h5 test/z.txt; done
    va-ensemble -o ab.h5 a.h5 b.h5
    run -0 --separate-stderr va-ensemble --weight-table w.tsv -o out.h5 ab.h5 b.h5
    [ "$stderr" = "" ]
    [ "$(attribute out.h5 models)" = "A B" ]
    make_predictions --model C -o c.h5 test/z.txt
    va-ensemble -o ac.h5 a.h5 c.h5 # another group of two
    run -0 --separate-stderr va-ensemble --weight-table w.tsv -o out.h5 ac.h5 b.h5
    [ "$stderr" = "va-ensemble: ac.h5: its models are not those of ab.h5, for which w.tsv has weights" ]
}

@test "names that would break the table" {
    name=$'odd\tname\n.h5'
    make_predictions --model $' tab\there ' -o "$name" a/v.txt a/w.txt
    va-ensemble fit -q --labels labels -o w.tsv "$name" b.h5
    [ "$(cell weight 'odd?name?.h5' 3)" = '?tab?here?' ]
    run -0 --separate-stderr va-ensemble --weight-table w.tsv -o out.h5 "$name" b.h5
    [ "$stderr" = "" ]
}

@test "broken tables name the line" {
    va-ensemble fit -q --labels labels -o w.tsv a.h5 b.h5
    broken() { # SED TEXT
        sed "$1" w.tsv >bad.tsv
        refused 3 "bad.tsv: $2" --weight-table bad.tsv -o out a.h5 b.h5
    }
    broken '10d' "the weights of valence have the sum 0.75, expected 1"
    broken '9,10d' "the weights of valence have the sum 0, expected 1"
    broken '10s/\t[^\t]*$/\t0.5/' "the weights of arousal have the sum 1.25, expected 1"
    broken '9s/\t0[^\t]*$/\t-0.5/' "line 9: weight: found -0.5, expected a number from 0 to 1"
    broken '9s/\t0[^\t]*$/\tnan/' "line 9: weight: found nan, expected a number from 0 to 1"
    broken '7s/1$/nan/' "line 7: scale: found nan, expected a number"
    broken '7s/1$/x/' "line 7: arousal: found 'x', expected a number"
    broken '8s/shift/scale/' "line 8: found a second row scale"
    broken '1s/name/file/' "line 1: expected the columns what, name, id, valence and arousal of va-ensemble fit"
    broken '9s/\tA//' "line 9: found 4 columns, expected 5 as in the header"
    sed -n 10p w.tsv >row && { cat w.tsv; for _ in $(seq 70); do cat row; done; } >bad.tsv
    refused 3 "bad.tsv: line 73: more than 64 weights" --weight-table bad.tsv -o out a.h5 b.h5
}

@test "equal inputs give equal bytes" {
    va-ensemble fit -q --labels labels -o w.tsv a.h5 b.h5
    va-ensemble fit -q --labels labels -o again.tsv a.h5 b.h5
    cmp w.tsv again.tsv
    va-ensemble --weight-table w.tsv -o out.h5 a.h5 b.h5
    va-ensemble --weight-table w.tsv -o again.h5 a.h5 b.h5
    cmp out.h5 again.h5
}

@test "missing arguments: status 2" {
    refused 2 "missing --output FILE (try --help)" fit --labels labels a.h5
    refused 2 "missing --labels DIR (try --help)" fit -o out a.h5
    refused 2 "expected files of predictions (try --help)" fit -o out --labels labels
    refused 2 "--missing average: expected error|skip (try --help)" fit --missing average -o out --labels labels a.h5
}
