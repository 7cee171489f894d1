#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-pack, and shards in the place of feature files: the same results, and what is wrong with a shard.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    mkdir f labels
    make_features --frames 90 --dim 64 --gaps 3,4,40 --video a --seed 1 --encoder e f/a.h5
    make_features --frames 53 --dim 64 --video b --seed 2 --encoder e --score f/b.h5
    make_features --frames 7 --dim 64 --first 5 --frame-count 61 --video c --seed 3 --encoder e --fps 25 f/c.h5
    make_features --frames 80 --dim 64 --video d --seed 4 --encoder e f/d.h5
    make_features --frames 0 --dim 64 --frame-count 30 --video none --encoder e f/none.h5
    make_labels --frames 90 >labels/a.txt
    make_labels --frames 53 >labels/b.txt
    make_labels --frames 61 >labels/c.txt
    make_labels --frames 80 >labels/d.txt
    make_labels --frames 30 >labels/none.txt
    va-pack --store f32 -o c f/*.h5
}
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

S=c/shard-00001.h5

# spoiled TEXT CHANGE...: the shard with this change is refused by a reader in one line, and by va-check
spoiled() {
    local text=$1
    cp $S s.h5
    h5edit s.h5 "${@:2}"
    refused_by va-window 3 "s.h5$text" -o out s.h5
    run -1 --separate-stderr va-check s.h5
    [ "${#stderr_lines[@]}" -eq 1 ] || explain "$stderr"
}

@test "generic battery" {
    BATTERY_SKIP="same unwritable full" generic_battery va-pack -o out --force f/a.h5 f/b.h5
    BATTERY_SKIP="same unwritable full" generic_battery "va-pack --unpack" -o out --force $S
    generic_battery va-window --labels labels -o w.h5 $S
    touch folder
    run -4 --separate-stderr va-pack -o folder f/a.h5
    [[ $stderr == "va-pack: folder: cannot make folder: "* ]]
}

@test "out and in again: the same contents, ids and rows" {
    va-pack --unpack -o back c/*.h5
    for v in a b c d none; do
        va-h5cmp f/$v.h5 $S/$v
        va-h5cmp f/$v.h5 back/$v.h5
        [ "$(attribute f/$v.h5 id)" = "$(attribute back/$v.h5 id)" ]
    done
    [ "$(column $S /videos/name)" = "a b c d none" ]
    [ "$(column $S /videos/first)" = "0 87 140 147 227 227" ]
    va-check $S $S/c back/*.h5
    va-pack --store f32 -o again c/*.h5
    va-h5cmp $S again/shard-00001.h5
}

@test "names of columns, float16: kept; the default halves features" {
    make_features --frames 6 --dim 3 --video n --half n.h5
    h5edit n.h5 strings /names x,y,z
    h5edit n.h5 delete @id
    va-pack -o half n.h5
    va-pack --unpack -o back half/*.h5
    va-h5cmp n.h5 back/n.h5
    h5edit n.h5 strings /names x,y,w
    h5edit n.h5 string @video m
    refused_by va-pack 3 "n.h5: /names: found other names of columns than in half/shard-00001.h5/n: pack them apart" -o out half/*.h5 n.h5
}

@test "float16: half the size, ids of their own, nearly the same values" {
    va-pack -o half f/*.h5
    [ $(($(stat -c %s half/shard-00001.h5) * 3)) -lt $(($(stat -c %s $S) * 2)) ]
    va-check half/*.h5
    va-pack --unpack -o back half/*.h5
    va-pack -o again back/*.h5
    va-h5cmp --ignore /provenance --ignore /videos/provenance half/shard-00001.h5 again/shard-00001.h5
    va-features export -o x.csv $S/d
    va-features export -o y.csv half/shard-00001.h5/d
    paste -d , x.csv y.csv | awk -F, 'NR > 1 { for (i = 3; i <= 66; i++) if (($i - $(i + 66)) ^ 2 > 1e-5) exit 1 }'
}

@test "shards of a size: in the order of the inputs, a longer video alone" {
    make_features --frames 3900 --dim 64 --video long long.h5 # over a megabyte
    va-pack --store f32 --shard-size 1 -o many f/a.h5 f/b.h5 long.h5 f/d.h5
    [ "$(cd many && echo *)" = "shard-00001.h5 shard-00002.h5 shard-00003.h5" ]
    [ "$(column many/shard-00001.h5 /videos/name)" = "a b" ]
    [ "$(column many/shard-00002.h5 /videos/name)" = long ]
    earlier() { # earlier NUMBER OPTION...
        run -3 --separate-stderr va-pack --store f32 -o many "${@:2}" f/*.h5
        [ "$stderr" = "va-pack: many/shard-0000$1.h5: is a shard of an earlier corpus, and this one has 1: remove it, replace as many with --force, or name another folder" ] ||
            explain "$stderr"
    }
    earlier 1
    earlier 2 --force
    rm many/shard-00002.h5 # a gap hides nothing
    earlier 3 --force
    [ "$(cd many && echo *)" = "shard-00001.h5 shard-00003.h5" ]
}

@test "packed again over an earlier corpus: a run that ends early leaves none of the earlier shards" {
    make_features --frames 3900 --dim 64 --video long long.h5 # over a megabyte
    va-pack --store f32 --shard-size 1 -o many f/a.h5 long.h5 f/d.h5
    cp long.h5 bad.h5
    h5edit bad.h5 poke /features 0 nan
    run -3 --separate-stderr va-pack --force --store f32 --shard-size 1 -o many f/b.h5 bad.h5 f/d.h5
    [ "$(cd many && echo *)" = shard-00001.h5 ]
    [ "$(column many/shard-00001.h5 /videos/name)" = b ]
    va-pack --force --store f32 --shard-size 1 -o many f/a.h5 long.h5 f/d.h5
    [ "$(cd many && echo *)" = "shard-00001.h5 shard-00002.h5 shard-00003.h5" ]
    # nothing goes when one may not: an input, another file
    run -3 --separate-stderr va-pack --force --store f32 --shard-size 1 -o many f/a.h5 many/shard-00002.h5 f/d.h5
    [ "$stderr" = "va-pack: many/shard-00002.h5: is an input of this run: name another output" ] || explain "$stderr"
    run -3 --separate-stderr va-pack --store f32 --shard-size 1 -o many f/b.h5
    [[ $stderr == *"many/shard-00001.h5: is a shard of an earlier corpus"* ]] || explain "$stderr"
    [ "$(column many/shard-00001.h5 /videos/name)" = a ]
}

@test "windows, training, predictions and tables: those of the separate files" {
    local small=(-q -j 1 --channels "8,8" --kernel 3 --layers 1 --d-state 2 --hidden 8 --epochs 2 --warmup-epochs 1 --batch 2)
    printf '%s\n' a b c >train.txt
    echo d >val.txt
    va-pack --store f32 --shard-size 1 -o two f/none.h5 f/a.h5
    va-pack --store f32 --shard-size 1 -o three f/b.h5 f/c.h5 f/d.h5
    va-window --labels labels --window 20 --stride 10 -o w.h5 f/none.h5 f/[a-d].h5 >w.tsv
    va-window --labels labels --window 20 --stride 10 -o s.h5 two/*.h5 three/*.h5 >s.tsv
    cmp w.tsv s.tsv
    run -1 va-h5cmp w.h5 s.h5
    [[ $output == "w.h5 s.h5: /videos/features[0]: "* && ${#lines[@]} -eq 1 ]] || explain "$output"
    va-tcn-mamba-train "${small[@]}" --windows w.h5 --train train.txt --val val.txt -o mw.h5
    va-tcn-mamba-train "${small[@]}" --windows s.h5 --train train.txt --val val.txt -o ms.h5
    same_numbers mw.h5 ms.h5
    for mode in sequence overlap; do
        va-predict -q -m mw.h5 --mode $mode --table w.csv -o pw.h5 f/[a-d].h5
        va-predict -q -m mw.h5 --mode $mode --table s.csv -o ps.h5 three/*.h5 two/shard-00001.h5/a
        sort w.csv >w.sorted
        sort s.csv | cmp w.sorted
        va-h5cmp pw.h5 ps.h5
        va-predict -q -m mw.h5 --mode $mode --windows w.h5 -o pw.h5
        va-predict -q -m mw.h5 --mode $mode --windows s.h5 -o ps.h5
        va-h5cmp pw.h5 ps.h5
    done
    va-score --labels labels --per-video pw.h5 >pw.tsv
    va-score --labels labels --per-video ps.h5 | cmp pw.tsv
}

@test "streams: a folder of shards, a shard, a file" {
    make_features --frames 90 --dim 5 --video a --seed 8 more.h5
    va-window --stream x=f --stream y=more.h5 -o w.h5 >w.tsv 2>w.err
    va-window --stream x=c --stream y=more.h5 -o s.h5 >s.tsv 2>s.err
    cmp w.tsv s.tsv
    cmp w.err s.err
    [ "$(column w.h5 /streams/row)" = "$(column s.h5 /streams/row)" ]
}

@test "info and export: a row per video, by SHARD/NAME" {
    va-features info f/*.h5 | cut -f 2- >files
    va-features info $S | cut -f 2- | cmp files
    va-features info $S/b | cut -f 1,2,3 | tail -n 1 | grep -qx "$S/b	b	53"
    va-features export -o f.csv f/c.h5
    va-features export -o s.csv $S/c
    cmp f.csv s.csv
    refused_by va-features 3 "$S: found va.corpus/1, expected va.features/1: name one of its videos, as FILE.h5/NAME" export -o out.csv $S
    refused_by va-window 3 "$S: has no video 'x'" -o out $S/x
    refused_by va-window 3 "f/a.h5: found va.features/1, expected va.corpus/1" -o out f/a.h5/a
}

@test "a video twice: in two shards, in a shard and a file, in one shard" {
    refused_by va-window 3 "f/b.h5: video 'b' was already added from $S/b" -o out $S f/b.h5
    refused_by va-window 3 "$S/a: video 'a' was already added from f/a.h5" -o out f/a.h5 $S
    cp $S other.h5
    refused_by va-window 3 "other.h5/a: video 'a' was already added from $S/a" -o out $S other.h5
    refused_by va-pack 3 "other.h5/a: video 'a' was already added from $S/a" -o out $S other.h5
    refused_by va-pack 3 "other.h5/a: video 'a' was already unpacked to out/a.h5" --unpack -o out $S other.h5 || rm -r out
    cp $S s.h5
    h5edit s.h5 strings /videos/name same,b,c,d,same
    refused_by va-window 3 "s.h5: /videos/name: found video 'same' twice" -o out s.h5
}

@test "a shard cut short, rows beyond the dataset, wrong counts" {
    head -c 50000 $S >s.h5
    refused_by va-window 3 "s.h5: file ends early, expected va.corpus/1" -o out s.h5
    spoiled ": /videos/first: ends at 0, expected 227" dataset /videos/first int64 6 0
    spoiled ": /videos/first: 0: found 500, expected ascending numbers from 0 to 227" dataset /videos/first int64 6 500
    spoiled ": /videos/first: found shape 5, expected V+1 with V = 5 of /videos/name" dataset /videos/first int64 5 0
    spoiled ": /index: found shape 9, expected T with T = 227 of /features" dataset /index int32 9 1
    spoiled "/a: /index: row 1: found frame 1, expected 2 to 90" dataset /index int32 227 1
    spoiled ": /videos: video 'a': found -1 frames per second and 90 frames, expected 0 or more" dataset /videos/fps float64 5 -1
    spoiled ": /videos: video 'a': found 30 frames per second and -1 frames, expected 0 or more" dataset /videos/frame_count int64 5 -1
    spoiled ": /videos/scored: video 'a': found 9, expected 0, or 1 and /score" dataset /videos/scored uint8 5 9
    spoiled ": /videos/id: video 'a': found 'x', expected 32 hexadecimal digits" strings /videos/id x,x,x,x,x
    spoiled ": /videos/name: 1: found '..', expected the name of a video" strings /videos/name a,..,c,d,e
    spoiled ": /features: found chunks, filters or numbers of another type, expected contiguous ones: pack the videos again" \
        pack /features 32x64 gzip
    spoiled "/c: /pts: row 3: found nan, expected a finite number" poke /pts 143 nan
    refused_by va-pack 3 "s.h5/c: /pts: row 3: found nan, expected a finite number" --unpack -o back s.h5
    [ ! -e back/c.h5 ]
    run -3 --separate-stderr va-pack -o again s.h5
    [ "$stderr" = "va-pack: s.h5/c: /pts: row 3: found nan, expected a finite number" ]
    [ -z "$(ls -A again)" ]
    cp f/a.h5 n.h5
    h5edit n.h5 poke /pts 5 inf
    refused_by va-window 3 "n.h5: /pts: row 5: found inf, expected a finite number" -o out n.h5
    cp $S s.h5
    h5edit s.h5 poke /features 5 nan
    run -1 --separate-stderr va-check s.h5
    run -3 --separate-stderr va-window -o out s.h5
    [[ $stderr == "va-window: s.h5/a: /features: frame 1 (row 0), column 5: found "* ]] || explain "$stderr"
}

@test "a shard without videos: refused by every reader" {
    local said="s.h5: /videos/name: found no video, expected at least one" name
    cp $S s.h5
    h5edit s.h5 delete @id
    for name in name id encoder input; do h5edit s.h5 strings /videos/$name ,; done
    for name in first provenance; do h5edit s.h5 dataset /videos/$name int64 1 0; done
    h5edit s.h5 dataset /videos/frame_count int64 0 0
    h5edit s.h5 dataset /videos/fps float64 0 0
    for name in /videos/scored /provenance; do h5edit s.h5 dataset $name uint8 0 0; done
    h5edit s.h5 dataset /features float32 0x64 0
    h5edit s.h5 dataset /index int32 0 0
    h5edit s.h5 dataset /pts float64 0 0
    h5edit s.h5 dataset /score float32 0 0
    va-weights init --arch mamba-va --in-dim 64 --channels 8 --kernel 3 --layers 1 --hidden 8 -o m.h5
    refused_by va-window 3 "$said" -o out s.h5
    refused_by va-window 3 "$said" --stream x=s.h5 -o out
    refused_by va-window 3 "$said" -o out s.h5/a
    refused_by va-predict 3 "$said" -m m.h5 -o out s.h5
    refused_by va-pack 3 "$said" -o out s.h5
    refused_by va-pack 3 "$said" --unpack -o out s.h5
    run -3 --separate-stderr va-features info s.h5
    [ "$stderr" = "va-features: $said" ]
    run -1 --separate-stderr va-check s.h5
    [ "$stderr" = "va-check: $said" ]
}

@test "windows without videos: refused" {
    va-window -o w.h5 f/a.h5 >/dev/null
    va-weights init --arch mamba-va --in-dim 64 --channels 8 --kernel 3 --layers 1 --hidden 8 -o m.h5
    h5edit w.h5 delete @id
    for name in name features features_id; do h5edit w.h5 strings /videos/$name ,; done
    h5edit w.h5 dataset /videos/offset int64 1 0
    for name in timeline/row timeline/next windows/video windows/start windows/length; do h5edit w.h5 dataset /$name int32 0 0; done
    for name in present valid; do h5edit w.h5 dataset /timeline/$name uint8 0 0; done
    h5edit w.h5 dataset /timeline/mix float32 0 0
    h5edit w.h5 dataset /timeline/label float32 0x2 0
    refused_by va-predict 3 "w.h5: /videos/name: found no video, expected at least one" -m m.h5 --windows w.h5 -o out
}

@test "windows of a shard that was packed again: refused" {
    va-window -o w.h5 c/*.h5 >/dev/null
    va-weights init --arch mamba-va --in-dim 64 --channels 8 --kernel 3 --layers 1 --hidden 8 -o m.h5
    va-pack -o c --force f/*.h5
    run -3 --separate-stderr va-predict -m m.h5 --windows w.h5 -o p.h5
    [[ $stderr == "va-predict: c/shard-00001.h5/a: has changed since va-window read it: "* ]] || explain "$stderr"
}

@test "other columns, a value too large for float16: refused" {
    make_features --frames 5 --dim 3 --video n n.h5
    refused_by va-pack 3 "n.h5: /features: found 3 columns, expected 64 as in f/a.h5" -o out f/a.h5 n.h5
    h5edit n.h5 poke /features 4 1e6
    h5edit n.h5 delete @id
    run -3 --separate-stderr va-pack -o out n.h5
    [ "$stderr" = "va-pack: n.h5: frame 2: feature 1 is 1e+06, too large for float16" ] || explain "$stderr"
    [ -z "$(ls -A out)" ]
    va-pack --store f32 -o out n.h5
}
