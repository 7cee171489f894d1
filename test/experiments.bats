#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup_pipelines sets top
# Experiments on features, labels and folds that are given: nested cross-validation and the
# comparison of models. Twelve small clips in six groups.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    setup_pipelines || return
    mkdir features labels
    printf 'clip\tgroup\tfold\n' >folds.tsv
    for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
        make_features --frames 80 --dim 4 --seed "$i" --video "c$i" "features/c$i.h5"
        make_labels --frames 80 --seed "$i" >"labels/c$i.txt"
        printf 'c%d\tg%d\t%d\n' "$i" $((i / 2)) $((i / 2 % 6)) >>folds.tsv
    done
    nested -j2 >log 2>&1 || { cat log; return 1; }
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

given() { # given PIPELINE ARGS...
    local pipeline=$1
    shift
    make --no-print-directory -f "$top/pipelines/$pipeline.mk" BIN="$BUILD/bin" FEATURES=features \
        LABELS="${LABELS:-labels}" FOLDS_TSV=folds.tsv OUT="${OUT:-out}" "$@"
}

streams() {
    OUT=${OUT:-joined} given streams STREAMS="picture sound" WINDOW_OPTIONS="--window 40 --stride 40" SEEDS=1 \
        NET="--channels 4,4 --kernel 3 --layers 1 --hidden 4 --epochs 1 --warmup-epochs 1 --temporal gru" \
        OPTIONS_linear="--context 2" "$@"
}

nested() {
    given nested WINDOW_OPTIONS="--window 40 --stride 40" SEEDS="1 2" MEMBERS="line few gru tcn" \
        OPTIONS_line="--context 2" OPTIONS_few="--select forward --features 2 --context 1" \
        NET="--channels 4,4 --kernel 3 --layers 1 --hidden 4 --epochs 1 --warmup-epochs 1 --lookahead 3" \
        OPTIONS_gru="\$(NET) --temporal gru" "$@"
}

ablation() {
    given ablation VARIANTS="gru smooth" OPTIONS_smooth="--temporal gru --channels 3" \
        SMOOTH_smooth="--filter gaussian --sigma 4" LENGTHS=20 SEEDS="1 2" \
        WINDOW_OPTIONS="--window 40 --stride 40" \
        TRAIN_OPTIONS="--channels 4,4 --kernel 3 --layers 1 --hidden 4 --epochs 1 --warmup-epochs 1" "$@"
}

@test "nested: a row for each member, seed and mixture" {
    [ "$(cut -f1 out/nested.tsv | paste -sd ,)" = \
        "model,line,few,gru 1,gru 2,gru all,tcn 1,tcn 2,tcn all,mixture 1,mixture 2,mixture all" ]
    awk -F '\t' 'NR > 1 && !($4 >= -1 && $4 <= 1 && ($2 + $3) / 2 - $4 < 1e-6) { exit 1 }' out/nested.tsv
    find out -name '*.h5' >files
    while read -r f; do va-check -q "$f" || return 1; done <files
    run nested -n
    [ "$(grep -c bin/va- <<<"$output")" -eq 0 ] || explain "$output"
}

@test "nested: an OUT that begins with / trains as another does" {
    OUT=$PWD/absolute run nested -n
    [ "$status" -eq 0 ] || explain "$output"
    run ! grep progress <<<"$output"
}

@test "nested: QUIET=1 says nothing" {
    OUT=quiet run --separate-stderr nested -j2 QUIET=1 MEMBERS=line MIXTURES=mixture intervals
    # shellcheck disable=SC2154 # run sets it
    [ "$status" -eq 0 ] && [ "$stderr" = "" ] || explain "$stderr"
}

@test "nested: other members of a mixture make its weights anew, and nothing else" {
    MIX_mixture="line gru" nested -n >todo
    grep -q "fit .*cv/0/weights.tsv" todo || explain "$(cat todo)"
    run ! grep -q "va-tcn-mamba-train\|va-ridge" todo
}

@test "streams: a stream that is called as a row of the table is refused" {
    mkdir -p s/picture s/late
    run -2 --separate-stderr make -f "$BATS_TEST_DIRNAME/../pipelines/streams.mk" STREAMS="s/picture s/late" LABELS=labels \
        FOLDS_TSV=folds.tsv OUT=out9
    # shellcheck disable=SC2154 # run sets it
    [[ $stderr == *"STREAMS: no stream can be called late: that is a row of the table"* ]] || explain "$stderr"
    [ ! -e out9 ]
}

@test "nested: what a fold's labels say has no part in the choice for that fold" {
    cp -r labels other
    for clip in c0 c1; do make_labels --frames 80 --seed 77 >other/$clip.txt; done # fold 0
    LABELS=other OUT=out2 nested -j2 >log2 2>&1 || { cat log2; return 1; }
    for o in out out2; do cut -f 1,2,4,5 $o/cv/0/weights.tsv >$o/chosen; done # without ids
    cmp out/chosen out2/chosen
    for s in 1 2 all; do
        [ "$(column out/cv/0/$s/mixture.h5 /videos/c0/va)" = "$(column out2/cv/0/$s/mixture.h5 /videos/c0/va)" ]
    done
    # nor in the intervals of its frames
    nested -j2 intervals >log2 2>&1 && LABELS=other OUT=out2 nested -j2 intervals >>log2 2>&1 || explain "$(cat log2)"
    cmp out/cv/0/all/mixture.interval.tsv out2/cv/0/all/mixture.interval.tsv
    for end in lower upper; do
        [ "$(column out/cv/0/all/80/mixture.h5 /videos/c0/$end)" = "$(column out2/cv/0/all/80/mixture.h5 /videos/c0/$end)" ]
    done
    run ! cmp -s out/cv/1/all/mixture.interval.tsv out2/cv/1/all/mixture.interval.tsv
    run ! cmp -s <(cut -f 1,2,4,5 out/cv/1/weights.tsv) <(cut -f 1,2,4,5 out2/cv/1/weights.tsv)
    run ! cmp -s out/nested.tsv out2/nested.tsv
}

@test "nested: coverage of each level and fold, as va-score counts it; other levels make only intervals anew" {
    nested -j2 intervals >log5 2>&1 || explain "$(cat log5)"
    [ "$(head -n 1 out/coverage.tsv)" = "$(printf 'model\tlevel\tfold\tframes\tvalence\tarousal\twidth_valence\twidth_arousal')" ]
    [ "$(cut -f 2,3 out/coverage.tsv | grep -c '^[0-9]')" -eq 28 ] # 4 levels of 6 folds and of all
    va-score -q --labels labels out/cv/3/all/80/mixture.h5 --missing skip |
        awk '$1 == "pooled" && $2 == "arousal" { printf "%d %.3f %.3f\n", $8, $10, $11 }' >found
    awk -F '\t' '$2 == 80 && $3 == 3 { print $4, $6, $8 }' out/coverage.tsv | cmp - found
    # wider intervals contain more
    awk -F '\t' '$3 == "all" { if ($5 < v || $6 < a || $7 < w) exit 1; v = $5; a = $6; w = $7 }' out/coverage.tsv
    nested -n intervals LEVELS=70 >todo
    grep -q -- "--level 70" todo || explain "$(cat todo)"
    run ! grep -q "va-tcn-mamba-train\|va-ridge\|va-ensemble *fit" todo
}

@test "nested: the rows are what va-score says of the predictions" {
    cat out/folds/*/val.txt | sort -u >all.txt
    va-score -q --labels labels --list all.txt out/cv/*/2/gru.h5 |
        awk '$1 == "pooled" && $2 == "mean" { printf "%.6f\n", $3 }' >found
    awk -F '\t' '$1 == "gru 2" { printf "%.6f\n", $4 }' out/nested.tsv | cmp - found
}

@test "ablation: CCC over seeds, parameters, time and memory" {
    ablation -j2 >log3 2>&1 || { cat log3; return 1; }
    [ "$(head -n 1 out/ablation.tsv)" = \
        "$(printf 'variant\tvalence\tarousal\tmean\tspread\tparameters\tms_20\tMiB_20')" ]
    [ "$(cut -f1 out/ablation.tsv | paste -sd ,)" = "variant,gru,smooth" ]
    awk -F '\t' 'NR > 1 && (NF != 8 || $5 < 0 || $6 < 100 || $7 == "" || $8 < 1) { exit 1 }' out/ablation.tsv
    for s in 1 2; do
        va-score -q --labels labels --list all.txt out/ablation/smooth/$s/?.h5 |
            awk '$1 == "pooled" && $2 == "mean" { print $3 }'
    done | awk '{ m += $1 / 2; d = $1 - d } END { printf "%.3f %.3f\n", m, d < 0 ? -d : d }' >found
    awk -F '\t' '$1 == "smooth" { print $4, $5 }' out/ablation.tsv | cmp - found
    run ablation -n
    [ "$(grep -c bin/va- <<<"$output")" -eq 0 ] || explain "$output"
}

@test "ablation: a training that fails is no time of 0 ms" {
    ablation -j2 >log3 2>&1 || { cat log3; return 1; }
    rm out/ablation.tsv out/ablation/gru/cost-20.tsv
    run ablation TRAIN_LAUNCH=false
    [ "$status" -eq 2 ]
    [ ! -e out/ablation.tsv ] && [ ! -e out/ablation/gru/cost-20.tsv ]
}

@test "settings that are missing" {
    run make -f "$top/pipelines/nested.mk" FEATURES=features
    [ "$status" -eq 2 ]
    [[ $output == *"set FEATURES, LABELS and FOLDS_TSV"* ]]
    run given ablation LENGTHS= -n # every temporal model
    for t in $(words_of va-tcn-mamba-train temporal); do
        [[ $output == *" --temporal $t "* ]] || explain "$t: $output"
    done
    run make -f "$top/pipelines/ablation.mk" FEATURES=labels LABELS=labels FOLDS_TSV=folds.tsv
    [[ $output == *"no <video>.h5 in labels"* ]]
}

@test "LABEL_OPTIONS reach every command that reads label files" {
    OUT=other run nested -n V=1 LABEL_OPTIONS="--label-fps 4" nested intervals
    reads=$(grep -oE "bin/va-(window|score) |bin/va-ensemble +(fit|calibrate)" <<<"$output" | sort -u | wc -l)
    [ "$reads" -eq 4 ]
    [ "$(grep -oE "(bin/va-(window|score)|bin/va-ensemble +(fit|calibrate)) .*" <<<"$output" | grep -vc -- "--label-fps 4")" -eq 0 ] ||
        explain "$output"
}

@test "nested: folds drawn by group, in the pipeline and in the ridge" {
    awk -F '\t' 'NR > 1 { print $1 "\t" $2 } NR == 1 { print "video\tgroup" }' folds.tsv >groups.tsv
    OUT=drawn given nested FOLDS_TSV= GROUPS_TSV=groups.tsv FOLD_COUNT=3 MEMBERS=line OPTIONS_line="--context 2" -j2 >log4 2>&1 ||
        explain "$(cat log4)"
    [ "$(cat drawn/folds/?/val.txt | sort | paste -sd ' ')" = "$(cut -f 1 groups.tsv | sed 1d | sort | paste -sd ' ')" ]
    [ ! -e drawn/folds/3 ]
    for g in 0 1 2 3 4 5; do [ "$(grep -lxE "c$((2 * g))|c$((2 * g + 1))" drawn/folds/?/val.txt | wc -l)" -eq 1 ]; done
    run -0 given nested -n V=1 FOLDS_TSV= GROUP_PATTERN='^c(.)' FOLD_COUNT=3 MEMBERS=line OUT=other
    output=$(tr -s ' ' <<<"$output")
    [[ $output == *"va-fold split --labels labels --folds 3 --seed 42"*"--group-pattern '^c(.)'"* ]] || explain "$output"
    [[ $output == *"va-ridge "*"--group-pattern '^c(.)'"* ]] || explain "$output"
}

@test "streams: each alone, all, fusions and mixtures; nothing is made twice" {
    local v
    mkdir -p picture sound
    for v in features/*.h5; do
        cp "$v" picture
        make_features --frames 80 --dim 2 --seed 1"${v//[^0-9]/}" --video "$(basename "$v" .h5)" "sound/${v##*/}"
    done
    streams -j2 >log 2>&1 || explain "$(cat log)"
    [ "$(cut -f 1 joined/nested.tsv | paste -sd ' ')" = \
        "model linear picture 1 picture all sound 1 sound all beside 1 beside all concat 1 concat all cross 1 cross all late 1 late all mixture 1 mixture all" ]
    [ "$(tail -n +2 joined/cv/0/late.weights.tsv | cut -f 1 | sort -u | grep -c .)" -ge 2 ]
    [ -s joined/cv/0/weights.tsv ]
    run -0 streams -j2
    [ "$output" = "$(cat joined/nested.tsv)" ]
    run ! streams FOLDS_TSV= STREAMS="picture sound" # neither folds nor groups
    [[ $output == *"or GROUPS_TSV or GROUP_PATTERN"* ]]
    run ! streams STREAMS=picture
    [[ $output == *"set STREAMS (two folders or more)"* ]]
}
