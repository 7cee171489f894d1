#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# What every output holds to: it is never an input, replaces only what is ours, is written by one
# process at a time, and is whole or absent. The battery of each tool looks at -o; this looks at
# all other outputs and at what tools share.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir f lab
    for v in v1 v2 v3; do
        make_features --frames 60 --dim 6 --video $v f/$v.h5
        make_labels --frames 60 >lab/$v.txt
    done
    va-window -q --window 30 --stride 20 --labels lab -o w.h5 f/*.h5 >table
    printf 'v1\nv2\n' >train.txt
    echo v3 >val.txt
    va-tcn-mamba-train -q -j 1 --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}" -o m.h5
    va-predict -q -j 1 -m m.h5 --windows w.h5 -o p.h5
    va-weights init -q --arch vit_tiny -o enc.h5
    make_frames --frames 20 --video clip clip.h5
    printf 'image_location,valence,arousal\nv1/00001.jpg,0,0\n' >sample.txt
}
SMALL=(--channels "8,8" --kernel 3 --layers 1 --d-state 2 --hidden 8 --epochs 40 --warmup-epochs 1 --batch 2 --steps 2)
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

# kept FILE STATUS COMMAND...: refused in one line with this status, and FILE as before
kept() {
    local file=$1 expected=$2
    shift 2
    cp "$file" before
    run -"$expected" --separate-stderr "$@"
    [ "${#stderr_lines[@]}" -eq 1 ] || explain "$* says: $stderr"
    cmp before "$file" || explain "$* replaced $file"
    [ -z "$(find . -name '.*.part' -o -name '.*.lock')" ] || explain "$* left something"
}

@test "an output is never an input: every output of every tool" {
    local train=(-q -j 1 --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}")
    ln -s ../lab/v1.txt f/link.txt
    ln w.h5 hard.h5
    kept w.h5 2 va-tcn-mamba-train "${train[@]}" -o hard.h5
    kept w.h5 2 va-tcn-mamba-train "${train[@]}" -o x.h5 --state w.h5
    kept f/v1.h5 3 va-tcn-mamba-train "${train[@]}" -o f/v1.h5 # an input of the input
    kept m.h5 2 va-tcn-mamba-train "${train[@]}" --init m.h5 -o m.h5
    kept train.txt 2 va-tcn-mamba-train "${train[@]}" -o train.txt --force
    mkdir log && cp train.txt log/train.tsv
    kept log/train.tsv 3 va-tcn-mamba-train "${train[@]}" --train log/train.tsv -o x.h5 --log-dir log --force
    kept lab/v1.txt 2 va-predict -q -m m.h5 --labels lab --text-dir lab -o x.h5 f/v1.h5
    kept lab/v1.txt 2 va-predict -q -m m.h5 --labels lab --text-dir ./f/../lab -o x.h5 f/v1.h5
    kept lab/v1.txt 2 va-predict -q -m m.h5 --labels lab --list lab/v1.txt --table f/link.txt -o x.h5 --windows w.h5
    kept m.h5 2 va-predict -q -m m.h5 --table m.h5 -o x.h5 f/v1.h5 --force
    kept f/v2.h5 3 va-predict -q -m m.h5 --table f/v2.h5 -o x.h5 --windows w.h5 --list val.txt --force
    mkdir emb && mv clip.h5 emb
    kept emb/clip.h5 3 va-embed -q -w enc.h5 --output-dir emb emb/clip.h5
    kept p.h5 2 va-ensemble -o p.h5 p.h5 p.h5
    kept p.h5 2 va-ensemble fit --labels lab -o p.h5 p.h5 p.h5
    kept w.h5 2 va-ridge --windows w.h5 --train train.txt --val val.txt -o w.h5
    kept sample.txt 2 va-submit --sample sample.txt -o sample.txt p.h5
    kept enc.h5 2 va-weights export -o enc.h5 enc.h5
    kept enc.h5 2 va-weights import -o enc.h5 enc.h5
    kept lab/v1.txt 2 va-fold split --train-labels lab --val-labels f -o lab
    mkdir -p s/0 && printf 'clip\tfold\na\t0\nb\t1\n' >s/0/train.txt
    kept s/0/train.txt 3 va-fold split --folds-tsv s/0/train.txt -o s --force
    kept enc.h5 2 va-mae-pretrain -q --init enc.h5 -o enc.h5 emb/clip.h5
    kept enc.h5 2 va-finetune -q -w enc.h5 --labels lab --train train.txt -o enc.h5 emb/clip.h5
    mkdir crops && make_image crops/00001.png 8 8 1
    kept crops/00001.png 3 va-decode -q --force -o crops/00001.png crops
    make_image crops/00002.png 8 8 1
    kept crops/00002.png 3 va-decode -q --end 0.01 --fps 25 --force -o crops/00002.png crops
    [[ $stderr == "va-decode: crops/00002.png: exists in a folder that this run reads, and holds a PNG picture: name another output" ]]
    cp -r lab people
    kept people/v2.txt 3 va-predict -q -m m.h5 --text-dir people -o x.h5 f/v2.h5 # of people, by their digits
    va-predict -q -m m.h5 --text-dir said -o x.h5 f/v2.h5
    va-predict -q -m m.h5 --text-dir said -o x.h5 f/v2.h5
    va-decode -q -o crops/out.h5 crops
    va-decode -q --force -o crops/out.h5 crops
}

@test "two outputs of one command are two files" {
    kept m.h5 2 va-predict -q -m f/v1.h5 -o m.h5 --table ./m.h5 f/v2.h5
    run -2 --separate-stderr va-predict -q -m m.h5 -o new.h5 --table ./new.h5 f/v1.h5
    [ "$stderr" = "va-predict: --table ./new.h5: is also the output of --output: name another" ]
    ln -s new.h5 link
    run -2 va-predict -q -m m.h5 -o link --table new.h5 f/v1.h5
    mkdir d
    va-predict -q -m m.h5 -o x.h5 --text-dir d --table d f/v1.h5 # two kinds in one folder are fine
    [ "$(ls d)" = "$(printf 'v1.tsv\nv1.txt')" ]
}

@test "a file that is not ours is replaced only with --force" {
    echo "my thesis" >thesis
    kept thesis 3 va-smooth --window 3 -o thesis p.h5
    [[ $stderr == "va-smooth: thesis: exists and holds a text, not an earlier output: "*"--force"* ]]
    kept thesis 3 va-submit --sample sample.txt -o thesis p.h5
    kept thesis 3 va-weights export -o thesis enc.h5
    kept thesis 3 va-ensemble fit -q --labels lab -o thesis p.h5 p.h5
    kept thesis 3 va-predict -q -m m.h5 -o x.h5 --table thesis f/v1.h5
    kept thesis 3 va-tcn-mamba-train -q --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}" -o thesis
    cp p.h5 other.h5 && h5edit other.h5 string @schema interva.else/1
    kept other.h5 3 va-smooth --window 3 -o other.h5 p.h5
    [[ $stderr == *"exists and holds an HDF5 file, not an earlier output"* ]]
    va-smooth --force --window 3 -o thesis p.h5
    va-check thesis
    va-smooth --window 5 -o thesis p.h5 # now it is ours
    : >empty
    va-smooth --window 5 -o empty p.h5
    for out in sub.txt w.safetensors fit.tsv t.tsv t.csv; do # all kinds of ours, twice
        for _ in 1 2; do
            case $out in
            sub.txt) va-submit --sample sample.txt -o $out p.h5 ;;
            w.safetensors) va-weights export -o $out enc.h5 ;;
            fit.tsv) va-ensemble fit -q --labels lab -o $out p.h5 p.h5 ;;
            *) va-predict -q -m m.h5 -o x.h5 --table $out f/v1.h5 ;;
            esac
        done
    done
    run -2 va-check --force p.h5 # a tool without outputs has no such option
}

@test "an output of another kind is no earlier output" {
    cp m.h5 trained.h5 && cp p.h5 kept.h5 && cp w.h5 windows.h5
    kept trained.h5 3 va-smooth --window 3 -o trained.h5 p.h5
    [ "$stderr" = "va-smooth: trained.h5: exists and holds va.model/1, expected va.predictions/1 as of an earlier output: name another file, or replace it with --force" ] ||
        explain "$stderr"
    kept trained.h5 3 va-predict -q -m m.h5 -o trained.h5 f/v1.h5
    kept trained.h5 3 va-embed -q -w enc.h5 -o trained.h5 emb/clip.h5
    kept kept.h5 3 va-weights init --arch vit_tiny -o kept.h5
    kept windows.h5 3 va-tcn-mamba-train -q --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}" -o windows.h5
    kept kept.h5 3 va-window -q --labels lab -o kept.h5 f/v1.h5
    # names of all lengths; one of 16 letters has no zero behind it in the file
    for file in f/v1.h5 p.h5 w.h5 clip.h5; do
        kept $file 3 va-weights init --arch vit_tiny -o $file
        [[ $stderr == "va-weights: $file: exists and holds $(attribute $file schema), expected va.model/1 as "* ]] || explain "$stderr"
    done
    va-smooth --force --window 3 -o trained.h5 p.h5
    va-smooth --window 5 -o trained.h5 p.h5
}

@test "two writers of one target: both end well, or one says which process has it" {
    local i one two
    for ((i = 0; i < 100; i++)); do
        va-smooth --window 3 -o out.h5 p.h5 2>a & one=$!
        va-smooth --window 3 -o out.h5 p.h5 2>b & two=$!
        rc=0 && wait $one || rc=$?
        [ $rc -eq 0 ] || [[ $rc -eq 4 && $(cat a) == "va-smooth: out.h5: in use by process $two" ]]
        other=0 && wait $two || other=$?
        [ $other -eq 0 ] || [[ $other -eq 4 && $(cat b) == "va-smooth: out.h5: in use by process $one" ]]
        [ $rc -eq 0 ] || [ $other -eq 0 ]
        va-check out.h5
    done
    [ -z "$(find . -name '.*.part' -o -name '.*.lock')" ]
}

@test "on a slow disk, another run leaves the finished file alone" {
    need_strace
    strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=2000000 \
        va-smooth --window 3 -o out.h5 p.h5 &
    local slow=$! i
    for ((i = 0; i < 2000; i++)); do
        [ ! -s .out.h5.lock ] || break
        sleep 0.01
    done
    run -4 --separate-stderr va-smooth --window 3 -o out.h5 p.h5
    [[ $stderr == "va-smooth: out.h5: in use by process "* ]]
    wait $slow
    va-check out.h5
    [ -z "$(find . -name '.*.part' -o -name '.*.lock')" ]
}

@test "a link stays and leads to the new file; permissions stay; 255 bytes are a name" {
    local long
    va-smooth --window 3 -o real.h5 p.h5
    chmod 600 real.h5
    ln -s real.h5 link.h5
    va-smooth --window 5 -o link.h5 p.h5
    [ -L link.h5 ] && [ ! -L real.h5 ] && va-check real.h5
    [ "$(stat -c %a real.h5)" = 600 ]
    long=$(printf '%0252d.h5' 7)
    va-smooth --window 3 -o "$long" p.h5
    va-smooth --window 3 -o "$long" p.h5
    va-check "$long"
    long=$(printf '%0251d.tsv' 8)
    va-predict -q -m m.h5 -o x.h5 --table "$long" f/v1.h5
    [ "$(wc -l <"$long")" = 61 ]
}

@test "standard output: a stream where the output is text or weights, refused elsewhere" {
    va-submit --sample sample.txt -o s.txt p.h5
    va-submit --sample sample.txt -o - p.h5 | cmp - s.txt
    va-weights export -o w.safetensors enc.h5
    va-weights export -o - enc.h5 | cmp - w.safetensors
    va-predict -q -m m.h5 -o x.h5 --table t.tsv f/v1.h5
    va-predict -q -m m.h5 -o x.h5 --table - f/v1.h5 | cmp - t.tsv
    va-ensemble fit -q --labels lab -o t.fit p.h5 p.h5
    va-ensemble fit -q --labels lab -o - p.h5 p.h5 | cmp - t.fit
    run -2 --separate-stderr va-smooth --window 3 -o - p.h5
    [ "$stderr" = "va-smooth: --output -: cannot go to standard output, name a file (try --help)" ]
    run -2 va-predict -q -m m.h5 -o x.h5 --text-dir - f/v1.h5
    run -2 va-decode -o - clip.h5
    run -2 va-fold split --folds-tsv train.txt -o -
    [ ! -e - ]
    run -4 --separate-stderr bash -c 'va-submit --sample sample.txt -o - p.h5 >/dev/full'
    [ "$stderr" = "va-submit: standard output: cannot write: No space left on device" ]
}

@test "standard output closed: what prints nothing succeeds, what prints fails, no file is hit" {
    va-smooth --window 3 -o open.h5 p.h5
    va-smooth --window 3 -o closed.h5 p.h5 >&-
    cmp open.h5 closed.h5
    va-check p.h5 >&- 2>&- <&-
    # shellcheck disable=SC2016
    run -4 --separate-stderr bash -c 'va-window --labels lab -o windows.h5 f/*.h5 >&-'
    [[ $stderr == "va-window: standard output: cannot write: "* ]]
}

@test "a full disk is called that, and a split is whole or absent" {
    can_mount || skip "no small file system can be mounted here"
    mkdir disk
    # shellcheck disable=SC2016
    run -4 --separate-stderr small_disk 65536 disk va-weights export -o disk/w.safetensors enc.h5
    [ "$stderr" = "va-weights: disk/w.safetensors: cannot write: No space left on device" ]
    # shellcheck disable=SC2016
    run -4 --separate-stderr small_disk 65536 disk bash -c '
        va-fold split --folds-tsv <(printf "clip\tfold\na\t0\nb\t1\n") -o disk/s || exit 99
        find disk/s -type f -exec cat {} + >before
        for ((i = 0; i < 4000; i++)); do printf "clip%0200d\t%d\n" $i $((i % 3)); done >big
        { printf "clip\tfold\n"; cat big; } >big.tsv
        va-fold split --folds-tsv big.tsv -o disk/s
        rc=$?
        find disk/s -type f -exec cat {} + | cmp - before || exit 98
        [ "$(find disk -name "*.part" -o -name "*.lock")" = "" ] || exit 97
        va-fold split --folds-tsv big.tsv -o disk/new 2>/dev/null
        [ ! -e disk/new ] || exit 96
        exit $rc'
    [[ $stderr == "va-fold: disk/s/"*": cannot write: No space left on device" ]]
}

@test "a pipe in a folder of labels is refused, not waited for" {
    rm lab/v2.txt && mkfifo lab/v2.txt
    run -3 --separate-stderr timeout 20 va-window --labels lab -o x.h5 f/*.h5
    [[ $stderr == *"va-window: lab/v2.txt: found a pipe, expected a text file" ]]
    run -3 timeout 20 va-score --labels lab p.h5
    run -3 timeout 20 va-fold split --train-labels lab --val-labels f -o s
}

@test "names that cannot be used are refused at once, and shown without what a terminal obeys" {
    local bad
    for bad in '#1' ' lead' 'trail ' 'take #1' $'tab\there' $'line\nend' $'c1\xc2\x9b' $'rtl\xe2\x80\xae'; do
        make_video "$bad.mp4" 16 16 3 25
        run -3 --separate-stderr va-decode -o x.h5 "$bad.mp4"
        [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == *"cannot be the name of a video"*"--name" ]]
        [[ $stderr != *$'\xc2\x9b'* && $stderr != *$'\xe2\x80\xae'* ]]
        va-decode -q --name good -o x.h5 "$bad.mp4"
        run -3 va-embed -q -w enc.h5 -o y.h5 "$bad.mp4"
        h5edit x.h5 string @video "$bad"
        run -1 va-check x.h5
    done
    run -3 --separate-stderr va-check $'no\x9bwhere\xe2\x80\xae'
    [[ $stderr == *"no?where?"* ]]
}
