#!/usr/bin/env bats
# Names that mean something to make or to a shell: a pipeline takes them as names, or refuses them in one
# line before its first rule. Nothing that a name says is run.
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    pipelines=$(cd "$BATS_TEST_DIRNAME/../pipelines" && pwd)
    cd "$BATS_TEST_TMPDIR" || return
}

# Every one of them is the name of a file. PWNED and y appear when one is run. The first go everywhere.
# shellcheck disable=SC2016
worst=('x`>PWNED`' '$(shell >PWNED)' "x';>PWNED;'" 'x y')
# shellcheck disable=SC2016,SC1003
odd=("${worst[@]}" 'x$(>PWNED)' '${shell >PWNED}' 'x";>PWNED;"' 'x;>PWNED' 'x|tee PWNED'
    'x&>PWNED' 'x&&>PWNED' 'x>y' 'x<y' ' x' 'x ' $'x\ty' 'x$y' 'x$$y' 'x#y' '#x' 'x%y' '%' 'x:y' 'x=y' 'x:=y'
    "x'y" 'x"y' 'x\y' 'x\' 'x(1)' '(x)' 'x[1]' 'x{a,b}' 'x*' 'x?' '~' '~x' 'x!y' 'x^y' $'x\ny' $'x\n>PWNED' $'x\e[2Jy' '-x' '-o')

# refused WORD COMMAND...: make stops in one line of make's that holds WORD
refused() {
    local word=$1
    run "${@:2}"
    [ "$status" -eq 2 ] || explain "status $status: ${*:2}: $output"
    [ "${#lines[@]}" -eq 1 ] || explain "not one line: ${*:2} ($word): $output"
    [[ $output == *" *** "*"$word"*".  Stop." ]] || explain "$output"
    [ -z "$(find . -maxdepth 1 '(' -name PWNED -o -name y ')')" ] || explain "was run: ${*:2}"
}

printable() { printf %s "$1" | LC_ALL=C tr '\n' ' ' | LC_ALL=C sed 's/[^ -~]/?/g'; }

affwild2() { make --no-print-directory -f "$pipelines/affwild2.mk" BIN="$BUILD/bin" ROOT=R OUT=out "$@"; }
given() { make --no-print-directory -f "$pipelines/$1.mk" "${@:2}"; }

@test "label files, features and rows of the sample with odd names are refused by name" {
    tr=R/VA_Estimation_Challenge/Train_Set
    mkdir -p $tr R/videos F && : >enc.h5 && : >F/a.h5 && : >$tr/a.txt && : >R/videos/a.mp4
    printf 'clip\tgroup\tfold\na\tg\t0\n' >folds.tsv
    for name in "${odd[@]}"; do
        : >"$tr/$name.txt" && : >"R/videos/$name.mp4"
        refused "'$(printable "$name.txt")'" affwild2 ENCODER=enc.h5
        rm "$tr/$name.txt"
    done
    for name in "${worst[@]}"; do
        printf 'image_location,valence,arousal\n%s/00001.jpg,0,0\n' "$name" >s.txt
        refused "s.txt: cannot use the name '$(printable "$name")'" affwild2 ENCODER=enc.h5 SAMPLE=s.txt
        printf 'clip\tgroup\tfold\na\tg\t0\nb\tg\t%s\n' "$name" >odd.tsv
        refused "odd.tsv: fold '" given nested FEATURES=F LABELS=$tr FOLDS_TSV=odd.tsv
        : >"F/$name.h5"
        refused "'$(printable "$name.h5")'" given ablation FEATURES=F LABELS=$tr FOLDS_TSV=folds.tsv
        rm "F/$name.h5" && : >"$tr/$name.txt"
        refused "'$(printable "$name.txt")'" given nested FEATURES=F LABELS=$tr FOLDS_TSV=folds.tsv
        rm "$tr/$name.txt"
    done
}

@test "variables with odd paths are refused by name, from the command line and from the environment" {
    mkdir -p R/VA_Estimation_Challenge/Train_Set && : >R/VA_Estimation_Challenge/Train_Set/a.txt
    : >enc.h5
    for name in "${odd[@]}"; do
        case $name in ' '* | -*) continue ;; esac # make drops a blank in front
        refused "OUT: cannot use the path" affwild2 ENCODER=enc.h5 "OUT=$name"
    done
    for name in "${worst[@]}"; do
        for v in ROOT BIN SAMPLE FRAMES FOLDS_TSV CROPS VIDEOS FEATURES; do
            refused "$v: cannot use the path" affwild2 ENCODER=enc.h5 "$v=$name"
        done
        refused "ENCODER: cannot use the path" env ENCODER="$name" make -f "$pipelines/affwild2.mk" ROOT=R OUT=out
        name=${name// /\;}
        refused "PICTURES: cannot use the path" given pretrain PICTURES="$name"
        refused "MODEL: cannot use the path" given video VIDEO=enc.h5 ENCODER=enc.h5 MODEL="$name"
        refused "LABELS: cannot use the path" given nested FEATURES=R LABELS="$name" FOLDS_TSV=enc.h5
    done
}

@test "one's own videos may be called anything: a table each" {
    make_video video.mp4 32 24 4 25
    va-weights init -q --arch vit_tiny -o enc.h5
    va-weights init -q --arch mamba-va --in-dim 192 --channels 8,8 --kernel 3 --layers 1 -o model.h5
    own() { given video BIN="$BUILD/bin" ENCODER=enc.h5 MODEL=model.h5 OUT=out "$@"; }
    for name in "${worst[@]}"; do
        rm -rf out && cp video.mp4 "./$name.mp4"
        own VIDEO="$name.mp4" >log 2>&1 || explain "$(cat log)"
        [ "$(find out -mindepth 2 -maxdepth 2 -name '*.csv' | wc -l)" -eq 1 ]
    done
    [ -s out/x_y/x_y.csv ]
    run own VIDEO="x y.mp4"
    [[ $output == *"Nothing to be done"* ]] || explain "$output"
    rm -rf out && n=0
    for name in "${odd[@]}" Zoë; do
        [[ $name != *$'\n'* ]] || continue
        ln video.mp4 "./$name.$((++n)).mp4"
        printf '%s\n' "$name.$n.mp4" >>list
    done
    own -n VIDEO_LIST=list >log 2>&1 || explain "$(cat log)"
    [ ! -e out ]
    [ "$(grep -o -- '-o out/[^ ]*csv' log | sort -u | wc -l)" -eq "$n" ]
    grep -q -- "-o out/Zoë.$n/Zoë.$n.csv" log
    own -s VIDEO_LIST=list links
    [ "$(find out/in -type l | wc -l)" -eq "$n" ]
    for link in out/in/*; do [ "$link" -ef video.mp4 ]; done
    [ ! -e PWNED ] && [ ! -e y ]
}

@test "videos of one name keep their ending, or their folder; what is not there is said" {
    va-weights init -q --arch vit_tiny -o enc.h5
    own() { make -n -f "$pipelines/video.mk" BIN="$BUILD/bin" ENCODER=enc.h5 MODEL=enc.h5 OUT=out "$@"; }
    tables() { own "$@" | grep -o -- '-o out/[^ ]*csv' | cut -d / -f 3 | sort | paste -sd ' '; }
    mkdir P01 P02 && : >P01/session.mp4 && : >P02/session.mov && : >P02/session.mp4 && : >alone.v1.mkv && : >plain
    [ "$(tables VIDEO="P01/session.mp4 alone.v1.mkv plain")" = "alone.v1.csv plain.csv session.csv" ]
    [ "$(tables VIDEO="P01/session.mp4 P02/session.mov")" = "session.mov.csv session.mp4.csv" ]
    [ "$(tables VIDEO="P01/session.mp4 ./P02/session.mp4 P02/session.mov P01/session.mp4")" = \
        "P01_session.mp4.csv P02_session.mp4.csv session.mov.csv" ]
    : >"a b.mp4" && : >a_b.mp4 && : >"a b c.mp4"
    [ "$(tables VIDEO="a b.mp4")" = a_b.csv ]
    # names that fall together say which characters they had, in whatever order
    : >"a%b.mp4" && printf '%s\n' "a b.mp4" a_b.mp4 "a%b.mp4" >list
    [ "$(tables VIDEO_LIST=list)" = "a_20b.mp4.csv a_25b.mp4.csv a_b.mp4.csv" ]
    sort -r list >tsil && [ "$(tables VIDEO_LIST=tsil)" = "a_20b.mp4.csv a_25b.mp4.csv a_b.mp4.csv" ]
    ln -s ../enc.h5 P01 && cd P01 && [ "$(tables VIDEO="session.mp4 ../P02/session.mp4 ../alone.v1.mkv ../plain")" = \
        "P02_session.mp4.csv alone.v1.csv plain.csv session.mp4.csv" ]
    : >plain && [ "$(tables VIDEO="plain ../plain")" = "_2e._2fplain.csv plain.csv" ] && cd ..
    refused "VIDEO: no such file: 'c.mp4'" own VIDEO="c.mp4"
    printf '\nc d.mp4\n' >list
    refused "list: no such file: 'c d.mp4'" own VIDEO_LIST=list
    : >empty
    refused "no videos in empty" own VIDEO_LIST=empty
    refused "set VIDEO or VIDEO_LIST" own VIDEO=" "
    refused "set MODEL: ENCODER has features alone" own VIDEO=plain MODEL=
    refused "set ENCODER: several models need the features of one" own VIDEO=plain ENCODER= MODEL="enc.h5 enc.h5"
    refused "nope.h5: no such file: set ENCODER and MODEL" own VIDEO="a b.mp4" MODEL=nope.h5
    refused "VIDEO_LIST: cannot read the file nowhere" own VIDEO_LIST=nowhere
    refused "VIDEO_LIST: cannot read the file /dev/zero" own VIDEO_LIST=/dev/zero
    printf 'plain\r\nalone.v1.mkv\r\n' >list
    [ "$(tables VIDEO_LIST=list)" = "alone.v1.csv plain.csv" ]
}

@test "videos that cannot be taken do not stop the others, and are named at the end" {
    va-weights init -q --arch vit_tiny -o tiny.h5
    own() { given video -k BIN="$BUILD/bin" ENCODER= MODEL=tiny.h5 FACES=no OUT=out "$@"; }
    mkdir one two && make_video one/P.mp4 32 24 4 25 && cp one/P.mp4 two/P.mp4 && cp one/P.mp4 good.mp4
    own VIDEO=one/P.mp4 out/P/features/.done && echo table >out/P/P.csv
    : >a && printf 'two/P.mp4\nno where.mp4\na\n./a\ngood.mp4\n' >list
    # what is made of the good one here is its features; the rest is for a model that rates
    run own VIDEO_LIST=list out/good/features/.done refused EXIT_CODES=codes
    [ "$status" -eq 2 ] && [ -s out/good/features/good.h5 ] && [ "$(cat codes)" = "3 -" ] || explain "$status $output"
    said=$(grep -v '^make\|^ ' <<<"$output")
    [ "$said" = "out/P/P.csv: is not the table of '$PWD/two/P.mp4', which would replace it: give another OUT, or remove this table
list: no such file: 'no where.mp4' (VIDEO is one path, or several with blanks between; VIDEO_LIST is a file with a path a line)
list: a: more than one video would be called 'a': rename one
list: ./a: more than one video would be called 'a': rename one" ] || explain "$output"
    [ "$(cat out/P/P.csv)" = table ] && [ "$(readlink out/in/P.mp4)" = "$PWD/one/P.mp4" ] && [ ! -e out/in/a.video ]
    # it is the last that all asks for, and no part of it where there is none
    own -n VIDEO_LIST=list | grep names.sh | tail -n 1 | grep -q refusals
    own -n VIDEO=good.mp4 | grep -c refusals | grep -qx 0
    # all of them
    run own VIDEO="x y"
    [ "$status" -eq 2 ] && [ "$(grep -c "^VIDEO: no such file: '[xy]'" <<<"$output")" -eq 2 ] || explain "$output"
    # nothing is left to refuse
    rm out/P/P.csv && run -3 sh "$pipelines/names.sh" refusals videos out/in "two/P.mp4 good.mp4"
    [ "$output" = "videos that could not be taken can be now: the same command continues" ]
}

@test "another video of the same name is another video, though it is older" {
    make_video P.mp4 32 24 4 25 && mkdir one two && mv P.mp4 one/ && make_video two/P.mp4 32 24 6 25
    touch -d '2020-01-01' two/P.mp4
    own() { make -f "$pipelines/video.mk" BIN="$BUILD/bin" ENCODER=tiny.h5 MODEL=tiny.h5 FACES=no OUT=out out/P/features/.done "$@"; }
    va-weights init -q --arch vit_tiny -o tiny.h5
    own VIDEO=one/P.mp4
    own VIDEO=one/P.mp4 | grep -q "up to date"
    own VIDEO=two/P.mp4 -n | grep -q va-embed
    own VIDEO=one/P.mp4 | grep -q "up to date" # make -n changed nothing
    own VIDEO=two/P.mp4
    [ "$(column out/P/features/P.h5 /index)" = "1 2 3 4 5 6" ]
    own VIDEO=two/P.mp4 | grep -q "up to date"
    echo table >out/P/P.csv # of two/P.mp4
    own VIDEO=two/P.mp4
    refused "out/P/P.csv: is not the table of '$PWD/one/P.mp4'" own VIDEO=one/P.mp4
    cp one/P.mp4 P.mov
    refused "out/P/P.csv: is not the table of '$PWD/P.mov'" own VIDEO=P.mov
    [ "$(cat out/P/P.csv)" = table ]
    rm out/P/P.csv && own VIDEO=one/P.mp4
}

@test "links are made where nothing of the user's is" {
    mkdir -p out/in other && echo mine >out/in/a.mp4 && : >other/a.mp4 && : >x
    refused "out/in/a.mp4: exists and is no link" make -f "$pipelines/video.mk" ENCODER=x MODEL=x OUT=out VIDEO=other/a.mp4
    [ "$(cat out/in/a.mp4)" = mine ] && [ ! -L out/in/a.mp4 ]
    ln -s ../../other/a.mp4 out/in/b.mp4
    refused "lies in out/in" make -f "$pipelines/video.mk" ENCODER=x MODEL=x OUT=out VIDEO=out/in/b.mp4
    [ "$(readlink out/in/b.mp4)" = ../../other/a.mp4 ]
}

@test "TUNE is yes or no; an encoder that is not there is named" {
    mkdir -p R/VA_Estimation_Challenge/Train_Set R/VA_Estimation_Challenge/Validation_Set R/cropped_aligned/a
    : >R/VA_Estimation_Challenge/Train_Set/a.txt && : >enc.h5
    refused "TUNE=maybe: expected yes or no" affwild2 ENCODER=enc.h5 TUNE=maybe
    affwild2 -n ENCODER=enc.h5 TUNE=no FOLDS=0 | grep -c va-finetune | grep -qx 0
    refused "nope.h5: no such file: set ENCODER" affwild2 ENCODER=nope.h5
    refused "nope.tsv: no such file: set FOLDS_TSV" affwild2 ENCODER=enc.h5 FOLDS_TSV=nope.tsv
}

@test "two videos or two label files for one name of a corpus are refused" {
    mkdir -p R/VA_Estimation_Challenge/Train_Set R/VA_Estimation_Challenge/Validation_Set R/videos && : >enc.h5
    : >R/VA_Estimation_Challenge/Train_Set/a.txt && : >R/videos/a.mp4 && : >R/videos/a.avi
    refused "two videos for the name a: R/videos/a.mp4 R/videos/a.avi" affwild2 ENCODER=enc.h5
    rm R/videos/a.avi && : >R/VA_Estimation_Challenge/Validation_Set/a.txt
    refused "more than one label file for the video a" affwild2 ENCODER=enc.h5
}
