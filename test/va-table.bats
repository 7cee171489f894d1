#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-table prints predictions as tables for other programs.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    put ann.txt 0.5,-1 0.25,0 1,1 -0.5,0.125
    put "bob.txt" 0,0 0.5,0.5
    make_predictions --fps 2 --face --model M -o p.h5 ann.txt bob.txt
    make_predictions --model M -o untimed.h5 bob.txt
}
refused() { # CODE TEXT ARGS...
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr va-table "$@"
    [ "$stderr" = "va-table: $text" ] || explain "$stderr"
    [ "$output" = "" ]
}

@test "csv and tsv: a row for every frame of every video; what is not known is empty" {
    va-table -o t.csv p.h5
    [ "$(cat t.csv)" = "frame,time,person,face,confidence,valence,arousal
1,0.000000,ann,1,0.875,0.500000,-1.000000
2,0.500000,ann,1,0.875,0.250000,0.000000
3,1.000000,ann,0,0.000,1.000000,1.000000
4,1.500000,ann,1,0.875,-0.500000,0.125000
1,0.000000,bob,1,0.875,0.000000,0.000000
2,0.500000,bob,1,0.875,0.500000,0.500000" ]
    va-table p.h5 >t.tsv
    tr '\t' , <t.tsv | cmp - t.csv
    va-table untimed.h5 | tr '\t' , | sed -n 3p | grep -qx '2,,bob,,,0.500000,0.500000'
}

@test "a comma in a name is quoted in csv" {
    put 'a,b.txt' 0,0
    make_predictions -o q.h5 'a,b.txt'
    [ "$(va-table --format csv q.h5 | sed 1d)" = '1,,"a,b",,,0.000000,0.000000' ]
}

@test "a folder gets a table for each video; the ending is that of the format" {
    va-table -o tables/ p.h5
    [ "$(ls tables)" = "$(printf 'ann.tsv\nbob.tsv')" ]
    va-table --format vtt -o subtitles/ p.h5
    [ "$(ls subtitles)" = "$(printf 'ann.vtt\nbob.vtt')" ]
}

@test "jsonl: an object per line" {
    va-table -o t.jsonl p.h5
    [ "$(sed -n 3p t.jsonl)" = '{"frame":3,"time":1.000000,"person":"ann","face":0,"confidence":0.000,"valence":1.000000,"arousal":1.000000}' ]
    va-table --format jsonl untimed.h5 | head -n 1 |
        grep -qx '{"frame":1,"time":null,"person":"bob","face":null,"confidence":null,"valence":0.000000,"arousal":0.000000}'
}

@test "openface: its column names; success and confidence are 0 where there is no face" {
    va-table --format openface p.h5 >t.csv
    [ "$(cat t.csv)" = "frame, face_id, timestamp, confidence, success, valence, arousal
1, 0, 0.000000, 0.875, 1, 0.500000, -1.000000
2, 0, 0.500000, 0.875, 1, 0.250000, 0.000000
3, 0, 1.000000, 0.000, 0, 1.000000, 1.000000
4, 0, 1.500000, 0.875, 1, -0.500000, 0.125000
1, 1, 0.000000, 0.875, 1, 0.000000, 0.000000
2, 1, 0.500000, 0.875, 1, 0.500000, 0.500000" ]
}

@test "vtt: a cue for each second and person in which the face is seen, in order of time" {
    va-table -o t.vtt p.h5
    [ "$(cat t.vtt)" = "WEBVTT

00:00:00.000 --> 00:00:01.000
<v ann>valence +0.38, arousal -0.50</v>

00:00:00.000 --> 00:00:01.000
<v bob>valence +0.25, arousal +0.25</v>

00:00:01.500 --> 00:00:02.000
<v ann>valence -0.50, arousal +0.12</v>" ]
}

@test "eaf: a tier for each person, segments in milliseconds; well-formed XML" {
    put 'x&y.txt' 0,0 0.5,0.5
    make_predictions --fps 2 --model M -o q.h5 ann.txt 'x&y.txt'
    va-table -o t.eaf q.h5
    grep -q 'TIER_ID="x&amp;y"' t.eaf
    [ "$(grep -c '<TIER ' t.eaf)" -eq 2 ]
    grep -q '<TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1000"/>' t.eaf
    # every slot that an annotation names is there
    grep -o 'SLOT_REF.="[^"]*"' t.eaf | cut -d '"' -f 2 | sort >named
    grep -o 'TIME_SLOT_ID="[^"]*"' t.eaf | cut -d '"' -f 2 | sort | cmp - named
    if command -v xmllint >/dev/null; then xmllint --noout t.eaf; fi
}

@test "an earlier table is replaced, another file is not" {
    for format in csv tsv jsonl openface vtt eaf; do
        va-table --format $format -o t p.h5
        va-table --format $format -o t p.h5
    done
    echo mine >t.csv
    run -3 --separate-stderr va-table -o t.csv p.h5
    [ "$(cat t.csv)" = mine ]
    va-table --force -o t.csv p.h5
    [ "$(wc -l <t.csv)" -eq 7 ]
}

@test "bad input and bad command lines" {
    refused 3 "untimed.h5: video 'bob': found no times of frames, which format vtt needs" -o t.vtt untimed.h5
    [ ! -e t.vtt ]
    h5edit p.h5 poke /videos/ann/pts 3 1e300
    refused 3 "p.h5: video 'ann': frame 4: found time 1e+300, expected seconds, at most 1e+07" --format vtt p.h5
    refused 3 "untimed.h5: video 'bob': found no times of frames, which format eaf needs" --format eaf untimed.h5
    run -2 va-table p.h5 p.h5
    run -2 va-table
    run -2 va-table --format xls p.h5
    run -3 va-table ann.txt
}

@test "smooth, ensemble and predict write the same formats, and keep faces" {
    va-smooth --filter median --window 1 --table s.jsonl -o s.h5 p.h5
    va-table -o p.jsonl p.h5
    cmp s.jsonl p.jsonl
    va-table -o again.jsonl s.h5
    cmp again.jsonl p.jsonl
    va-ensemble --table e.csv -o e.h5 p.h5 s.h5
    va-table -o p.csv p.h5
    cmp e.csv p.csv
    run -2 --separate-stderr va-smooth --format csv -o x.h5 p.h5
    [ "$stderr" = "va-smooth: --format needs --table FILE|DIR (try --help)" ] || explain "$stderr"
}

@test "names of others' files that are not text are refused, whatever the format" {
    put in.txt 0.1,0.2
    for name in $'tab\there' $'two\nlines' $'bell\a' $'raw\xff' $'half\xc3' $'c1\xc2\x9b' $'turned\xe2\x80\xae' $'none\xef\xbf\xbf'; do
        run -3 make_predictions --fps 1 --name "$name" -o own.h5 in.txt # nor are they written
        make_predictions --fps 1 -o odd.h5 in.txt
        h5edit odd.h5 dataset "/videos/$name/va" float32 1x2 0.5
        h5edit odd.h5 dataset "/videos/$name/pts" float64 1 0.5
        for format in csv tsv jsonl openface vtt eaf; do
            run -3 --separate-stderr va-table --format $format -o out.$format odd.h5
            [[ $stderr == "va-table: odd.h5: /videos/"*": found a name that is not text, expected UTF-8 without control characters" ]] ||
                explain "$stderr"
            [ ! -e out.$format ] && [ "$output" = "" ] || return 1
        done
        run -1 va-check odd.h5
        run -3 va-plot -o out.svg odd.h5
        run -3 va-smooth --window 3 -o out.h5 odd.h5
    done
    make_predictions --fps 1 --name 'é 名 \ <&">' -o odd.h5 in.txt
    for format in csv tsv jsonl openface vtt eaf; do
        va-table --format $format odd.h5 | iconv -f UTF-8 -t UTF-8 >/dev/null
    done
    va-table --format jsonl odd.h5 | grep -q '"person":"é 名 \\\\ <&\\">"'
}
