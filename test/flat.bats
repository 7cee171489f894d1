#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Predictions in a flat file: every tool gives what it gives for a file with a group per video; which layout is
# written; what is wrong with a flat file.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    mkdir f labels g h
    make_features --frames 90 --dim 8 --gaps 3,4,40 --video a --seed 1 f/a.h5
    make_features --frames 53 --dim 8 --video z --seed 2 --score f/b.h5 # neither in the order of names, nor alike
    make_features --frames 7 --dim 8 --first 5 --frame-count 61 --video c --seed 3 --fps 25 f/c.h5
    for video in a:90 z:53 c:61; do make_labels --frames "${video#*:}" >labels/${video%:*}.txt; done
    for m in 1 2; do
        va-weights init -q --arch mamba-va --in-dim 8 --channels 4 --kernel 3 --layers 1 --hidden 4 --seed $m -o m$m.h5
    done
    for m in 1 2; do
        va-predict -q -m m$m.h5 --layout groups --table g/p$m.csv -o g/p$m.h5 f/*.h5
        va-predict -q -m m$m.h5 --layout flat --table h/p$m.csv -o h/p$m.h5 f/*.h5
    done
    va-table g/p1.h5 >table
}
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

# alike COMMAND...: the same words and files in both folders
alike() {
    local where
    for where in g h; do (cd $where && "$@") >$where/said 2>&1 || explain "$where: $*: $(cat $where/said)" || return 1; done
    cmp g/said h/said
}
# spoiled TEXT CHANGE...: the file with this change is refused by readers in one line, and by va-check
spoiled() {
    cp h/p1.h5 s.h5
    h5edit s.h5 delete @id
    h5edit s.h5 "${@:2}"
    refused_by va-table 3 "s.h5$1" -o out s.h5
    refused_by va-smooth 3 "s.h5$1" -o out s.h5
    run -3 --separate-stderr va-score --labels labels s.h5
    [ "$stderr" = "va-score: s.h5$1" ] || explain "$stderr"
    run -1 --separate-stderr va-check s.h5
    [ "$stderr" = "va-check: s.h5$1" ] || explain "$stderr"
}

@test "generic battery: a flat file written and read" {
    generic_battery va-predict -m m1.h5 --layout flat -o out.h5 f/a.h5
    generic_battery va-smooth -o out.h5 h/p1.h5
    generic_battery va-score --labels labels h/p1.h5
}

@test "both layouts: the same tables, scores, smoothed and averaged values, submissions, charts and pages" {
    va-check g/*.h5 h/*.h5
    [ "$(attribute g/p1.h5 schema) $(attribute h/p1.h5 schema)" = "va.predictions/1 va.predictions/2" ]
    [ "$(column h/p1.h5 /videos/name)" = "a z c" ]
    [ "$(column h/p1.h5 /videos/first)" = "0 90 143 204" ]
    [ "$(column h/p1.h5 /videos/confidence)" = "0 1 0" ]
    [ "$(column h/p1.h5 /va)" = "$(for v in a z c; do column g/p1.h5 /videos/$v/va; done | paste -sd ' ')" ]
    cmp g/p1.csv h/p1.csv
    for format in csv jsonl vtt; do alike va-table --format $format p1.h5; done
    alike va-score --labels ../labels --per-video p1.h5
    alike va-smooth --filter gaussian --sigma 3 --table s.csv -o s.h5 p1.h5
    cmp g/s.csv h/s.csv
    same_numbers g/s.h5 h/s.h5
    alike va-ensemble --spread --table e.csv -o e.h5 p1.h5 p2.h5
    same_numbers g/e.h5 h/e.h5
    va-ensemble --spread -o mixed.h5 g/p1.h5 h/p2.h5
    same_numbers g/e.h5 mixed.h5
    alike va-ensemble fit --labels ../labels -o w.tsv p1.h5 p2.h5
    cmp <(cut -f 1-2,4- g/w.tsv) <(cut -f 1-2,4- h/w.tsv) # but for ids of the files
    printf '%s\n' image_location,valence,arousal z/00001.jpg,0,0 a/00090.jpg,0,0 c/00060.jpg,0,0 >sample.txt
    alike va-submit --sample ../sample.txt -o s.txt p1.h5
    cmp g/s.txt h/s.txt
    alike va-plot -o p.svg p1.h5
    cmp g/p.svg h/p.svg
    alike va-report --labels ../labels -o p.html p1.h5
    diff <(sed 's/[0-9a-f]\{16,\}/ID/g; s/--layout groups/--layout flat/' g/p.html) <(sed 's/[0-9a-f]\{16,\}/ID/g' h/p.html)
}

@test "a long video in a flat file is written while it is predicted" {
    make_corpus --frames 70000 --dim 8 --labels labels l.h5
    va-predict -q -m m1.h5 --layout flat -o s.h5 f/a.h5 l.h5
    va-predict -q -m m1.h5 --layout flat --text-dir text -o w.h5 f/a.h5 l.h5
    va-h5cmp s.h5 w.h5
    va-predict -q -m m1.h5 -o g.h5 f/a.h5 l.h5
    va-table -o s.csv s.h5
    va-table --format csv g.h5 | cmp - s.csv
    va-score --labels labels --per-video --missing skip s.h5 >s.tsv
    va-score --labels labels --per-video --missing skip g.h5 | cmp s.tsv
}

@test "auto: flat above 1,000 videos, in every tool that writes predictions" {
    make_corpus --videos 1001 --frames 2 --dim 8 --labels many many.h5
    va-window -q --labels many -o w.h5 many.h5 >/dev/null
    printf 'v%07d\n' {0..1000} >all
    head -n 1000 all >list
    va-predict -q -m m1.h5 --windows w.h5 --list list -o p.h5
    [ "$(attribute p.h5 schema)" = va.predictions/1 ]
    va-predict -q -m m1.h5 --layout groups -o g.h5 many.h5
    [ "$(attribute g.h5 schema)" = va.predictions/1 ]
    va-predict -q -m m1.h5 -o p.h5 many.h5 # in the place of a file with groups
    va-smooth --window 3 -o s.h5 p.h5
    va-ensemble -o e.h5 p.h5 g.h5
    va-ridge -q --windows w.h5 --train all --val all -o r.h5
    for f in p s e r; do
        [ "$(attribute $f.h5 schema)" = va.predictions/2 ] || explain $f
        va-check $f.h5
    done
    va-score -q --labels many --per-video p.h5 >p.tsv
    va-score -q --labels many --per-video g.h5 | cmp p.tsv
    va-table -o p.csv p.h5
    va-table --format csv g.h5 | cmp - p.csv
}

@test "a flat file without videos: refused by every reader" {
    local said="s.h5: /videos/name: found no video, expected at least one"
    cp h/p1.h5 s.h5
    h5edit s.h5 delete @id
    h5edit s.h5 strings /videos/name ,
    h5edit s.h5 dataset /videos/first int64 1 0
    h5edit s.h5 dataset /va float32 0x2 0
    for name in pts face confidence videos/confidence; do h5edit s.h5 delete /$name; done
    for tool in smooth table ensemble plot; do refused_by va-$tool 3 "$said" -o out s.h5; done
    refused_by va-report 3 "$said" --labels labels -o out s.h5
    run -1 --separate-stderr va-check s.h5
    [ "$stderr" = "va-check: $said" ]
}

@test "a table beyond the rows, a name twice, wrong counts, flags: one line each" {
    head -c 7000 h/p1.h5 >s.h5
    refused_by va-table 3 "s.h5: file ends early, expected va.predictions" -o out s.h5
    spoiled ": /videos/first: ends at 0, expected 204" dataset /videos/first int64 4 0
    spoiled ": /videos/first: found shape 3, expected V+1 with V = 3 of /videos/name" dataset /videos/first int64 3 0
    spoiled ": /pts: found shape 9, expected T with T = 204 of /va" dataset /pts float64 9 1
    spoiled ": /videos/confidence: found shape 2, expected V with V = 3 of /videos/name" dataset /videos/confidence uint8 2 1
    spoiled ": /videos/first: not found, expected a dataset of va.predictions/2" delete /videos/first
    spoiled ": /videos/name: found video 'a' twice" strings /videos/name a,z,a
    spoiled ": /videos/name: 2: found '../c', expected the name of a video" strings /videos/name a,z,../c
    for change in "0 1" "1 -1" "1 205" "2 80" "3 203"; do # of first: 0 90 143 204
        cp h/p1.h5 s.h5
        # shellcheck disable=SC2086 # a number and a value
        h5edit s.h5 poke /videos/first $change
        run -3 --separate-stderr va-score --labels labels s.h5
        [[ $stderr == "va-score: s.h5: /videos/first: "*", expected "* && ${#stderr_lines[@]} -eq 1 ]] || explain "$change: $stderr"
        run -1 va-check s.h5
    done
    cp h/p1.h5 s.h5
    h5edit s.h5 poke /videos/confidence 2 7
    refused_by va-table 3 "s.h5: /videos/confidence: video 'c': found 7, expected 0 or 1" -o out s.h5
    cp h/p1.h5 s.h5
    h5edit s.h5 poke /va 201 nan
    refused_by va-table 3 "s.h5: /va: row 100: found nan, expected a finite number" -o out s.h5
    run -3 --separate-stderr va-score --labels labels s.h5
    [ "$stderr" = "va-score: s.h5: /va: row 100: found nan, expected a finite number" ] || explain "$stderr"
}

@test "intervals: both ends and a level; other versions" {
    spoiled ": /videos/a: found lower alone, expected lower and upper" dataset /lower float32 204x2 0
    cp h/p1.h5 s.h5
    h5edit s.h5 dataset /lower float32 204x2 0
    h5edit s.h5 dataset /upper float32 204x2 0
    refused_by va-table 3 "s.h5: /videos/a: found an interval, but no attribute level says which" -o out s.h5
    h5edit s.h5 real @level 90
    h5edit s.h5 dataset /videos/lower uint8 3 0
    h5edit s.h5 dataset /videos/upper uint8 3 0
    va-table s.h5 | cmp - table
    h5edit s.h5 string @schema va.predictions/3
    refused_by va-table 3 "s.h5: found another version, va.predictions/3, expected va.predictions/2" -o out s.h5
    refused_by va-table 3 "f/a.h5: found va.features/1, expected va.predictions" -o out f/a.h5
}

@test "a flat file of another program: chunks, and other types of numbers" {
    cp h/p1.h5 s.h5
    h5edit s.h5 pack /va 32x2 gzip
    h5edit s.h5 pack /pts 7 gzip
    va-table s.h5 | cmp - table
    va-score --labels labels s.h5 >s.tsv
    va-score --labels labels h/p1.h5 | cmp s.tsv
}
