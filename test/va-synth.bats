#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-synth makes a corpus; one small corpus serves most tests: windows of 40 frames every 25.
bats_require_minimum_version 1.8.0
load lib/va

small=(--videos 5 --test 1 --frames 60 --size 32 --window 40 --stride 25)

setup_file() {
    va-synth -q "${small[@]}" -o "$BATS_FILE_TMPDIR/corpus"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    C=$BATS_FILE_TMPDIR/corpus
    L=$C/VA_Estimation_Challenge
}

# input VIDEO COLUMN: a cell of inputs.tsv; 2 set, 3 input, 4 frames, 5 labels
input() { awk -F'\t' -v video="$1" -v c="$2" '$1 == video { print $c }' "$C/inputs.tsv"; }
lines() { awk 'END { print NR }' "$@"; } # the last one may lack its newline
first_crop() { find "$C/cropped_aligned/$1" -name '[0-9]*.jpg' -printf '%f\n' | sort | head -n 1; }
last_crop() { find "$C/cropped_aligned/$1" -name '[0-9]*.jpg' -printf '%f\n' | sort | tail -n 1; }
crops() { find "$C/cropped_aligned/$1" -name '[0-9]*.jpg' | wc -l; }

@test "generic battery" {
    generic_battery va-synth --videos 1 --test 0 --frames 2 --size 16 --traps no -o corpus
}

@test "equal seeds, one and two threads: equal bytes; another seed: other bytes" {
    va-synth -q -j 1 "${small[@]}" -o one
    va-synth -q -j 2 "${small[@]}" -o two
    diff -r one two
    diff -r one "$C"
    va-synth -q "${small[@]}" --seed 43 -o three
    run ! cmp -s one/videos/video200.mp4 three/videos/video200.mp4
    run ! diff -q one/truth/video200.txt three/truth/video200.txt
}

@test "--voice: the same pictures with a sound, as long, that follows arousal" {
    va-synth -q --videos 5 --test 0 --frames 250 --traps no --size 32 -j 1 --voice yes -o heard
    va-synth -q --videos 5 --test 0 --frames 250 --traps no --size 32 -j 2 --voice yes -o again
    diff -r heard again
    va-synth -q --videos 5 --test 0 --frames 250 --traps no --size 32 -o silent
    diff -r heard/truth silent/truth -x faces
    for f in heard/videos/*.mp4; do
        v=$(basename "$f" .mp4)
        for c in heard silent; do ffmpeg -nostdin -v error -i "$c/videos/$v.mp4" -map 0:v -f md5 -; done | uniq >sums
        [ "$(lines sums)" -eq 1 ] || explain "$v: other pictures"
        va-hear -q -o sound.h5 "$f"
        [ "$(column sound.h5 /index | wc -w)" -eq "$(attribute sound.h5 frame_count)" ] || explain "$v: sound ends early"
        va-check sound.h5
        # pitch, and arousal of the same frame
        paste <(column sound.h5 /features | tr ' ' '\n' | awk 'NR % 68 == 4') <(tail -n +2 "heard/truth/$v.txt" | tr , '\t')
    done >pairs
    awk '$1 != 0 { n++; x += $1; y += $3; xx += $1 * $1; yy += $3 * $3; xy += $1 * $3 }
        END { r = (xy / n - x / n * y / n) / sqrt((xx / n - (x / n) ^ 2) * (yy / n - (y / n) ^ 2)); print r; exit !(r > .3) }' pairs
    run -3 --separate-stderr va-hear -o out.h5 silent/videos/video200.mp4
}

@test "every video of the list has what it should: input, labels, truth" {
    local video set path frames labels
    while IFS=$'\t' read -r video set path frames labels; do
        [ -e "$C/$path" ] || explain "$path"
        [ "$(lines "$C/truth/$video.txt")" -eq $((frames + 1)) ] || explain "truth of $video"
        case $set in
        train) folder=$L/Train_Set ;;
        validation) folder=$L/Validation_Set ;;
        test) folder=$C/truth/Test_Set ;;
        esac
        file=$folder/$video.txt
        [ -e "$file" ] || file=$folder/$video.mp4.txt
        [ "$(lines "$file")" -eq $((labels + 1)) ] || explain "labels of $video"
    done < <(tail -n +2 "$C/inputs.tsv")
    [ "$(find "$L"/*_Set "$C/truth/Test_Set" -name '*.txt' | wc -l)" -eq \
        $(($(lines "$C/inputs.tsv") - 1)) ]
}

@test "labels lie in [-1, 1] with four decimals or are -5 twice" {
    for f in "$L"/*_Set/*.txt; do
        tr -d ' \r' <"$f" | awk -F, 'NR == 1 { if ($0 != "valence,arousal") exit 1; next }
            $1 == -5 && $2 == -5 { next }
            NF != 2 || $1 < -1 || $1 > 1 || $2 < -1 || $2 > 1 { exit 1 }' || explain "$f"
    done
    run ! grep -vE '^(valence,arousal|-5,-5|-?[01]\.[0-9]{4},-?[01]\.[0-9]{4})$' "$L/Train_Set/video200.txt"
}

@test "the annotation follows what was felt, late" {
    paste -d, "$C/truth/video200.txt" "$L/Train_Set/video200.txt" | awk -F, '
        NR > 1 { x[NR] = $1; y[NR] = $3 }
        END {
            for (lag = 0; lag <= 26; lag += 13) {
                e = 0
                for (t = 32; t <= NR; t++) e += (y[t] - x[t - lag]) ^ 2
                error[lag] = e
            }
            exit !(error[13] < error[0] && error[13] < error[26])
        }'
}

@test "videos have the frames and the rate that the list says" {
    for video in video200 301 402-30-1280x720 103 7-60-1920x1080 46 46.v1.final; do
        n=$(ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 \
            "$C/videos/$video.mp4")
        [ "$n" = "$(input "$video" 4)" ] || explain "$video: $n frames"
    done
    rate() { ffprobe -v error -show_entries stream=avg_frame_rate -of csv=p=0 "$C/videos/$1.mp4"; }
    [ "$(rate video200)" = 30/1 ]
    [ "$(rate video99)" = 6/1 ]
    [ "$(rate 131-30-1920x1080)" = 30000/1001 ]
    ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 \
        "$C/videos/video92.mp4" | grep -qx 'h264,64,32'
}

@test "lengths: one frame, shorter than a window, a window, strides, window and strides" {
    [ "$(input 103 4)" = 1 ]
    [ "$(input video5 4)" -lt 40 ]
    [ "$(input 7-60-1920x1080 4)" = 40 ]
    [ "$(input 46 4)" = 50 ]
    [ "$(input 136 4)" = 90 ]
}

@test "crops: late first, early last, gaps, two people, foreign files" {
    [ "$(first_crop 24-30-1920x1080-2)" = 00031.jpg ]
    [ "$(last_crop 24-30-1920x1080-2)" = "$(printf '%05d.jpg' "$(input 24-30-1920x1080-2 4)")" ]
    [ "$((10#$(basename "$(last_crop video64)" .jpg)))" -lt "$(input video64 4)" ]
    [ "$(crops 119-30-848x480)" -lt "$(input 119-30-848x480 4)" ]
    [ -e "$C/cropped_aligned/119-30-848x480/.DS_Store" ]
    [ "$(crops 10-60-1280x720)" = "$(input 10-60-1280x720 4)" ]
    [ "$(crops 10-60-1280x720_left)" = "$(input 10-60-1280x720 4)" ]
    [ -d "$C/cropped_aligned/video92_left" ] && [ -d "$C/cropped_aligned/video92_right" ]
    run ! cmp -s "$C/truth/video92_left.txt" "$C/truth/video92_right.txt"
    [ ! -e "$C/cropped_aligned/video200" ]
    ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 \
        "$C/cropped_aligned/video64/00001.jpg" | grep -qx 'mjpeg,112,112'
}

@test "labels: more and fewer than frames, none, a hole over a window's end, CRLF, loose, dots" {
    [ "$(input video63 5)" -lt "$(input video63 4)" ]
    [ "$(input video64 5)" -gt "$(input video64 4)" ]
    [ "$(grep -c '^-5,-5$' "$L/Train_Set/214.txt")" = "$(input 214 4)" ]
    sed -n '41,42p' "$L/Validation_Set/video81.txt" | cmp - <(printf -- '-5,-5\n-5,-5\n')
    [ "$(grep -c '^-5' "$L/Validation_Set/video81.txt")" -lt 20 ]
    run ! grep -qvP '\r$' "$L/Validation_Set/108-15-640x480.txt"
    [ -n "$(tail -c 1 "$L/Train_Set/video99.txt")" ]
    grep -q ' , ' "$L/Train_Set/video99.txt"
    [ -e "$L/Train_Set/46.v1.final.mp4.txt" ] && [ -e "$C/videos/46.v1.final.mp4" ]
    [ "$(grep -c '^-5' "$L/Train_Set/video203.txt")" -gt 0 ]
}

@test "the sample submission has every frame of the test videos, in the list's order" {
    awk -F'\t' '$2 == "test" { for (t = 1; t <= $4; t++) printf "%s/%05d.jpg\n", $1, t }' \
        "$C/inputs.tsv" >expected
    head -n 1 "$C/sample_submission.txt" | grep -qx 'image_location,valence,arousal'
    tail -n +2 "$C/sample_submission.txt" | cut -d, -f1 | cmp - expected
    cut -d/ -f1 expected | uniq | cmp - "$L/test_set.txt"
    run ! sort -c expected
}

@test "the broken videos break, the others do not" {
    run -0 --separate-stderr ffmpeg -v error -i "$C/videos/video200.mp4" -f null -
    [ "$stderr" = "" ]
    run --separate-stderr ffmpeg -v error -i "$C/broken/damaged.mp4" -f null -
    [ "$stderr" != "" ]
    run ! ffmpeg -v error -i "$C/broken/truncated.mp4" -f null -
}

@test "without traps and test set; crops of all on request" {
    va-synth -q --videos 2 --test 0 --frames 9 --size 16 --traps no --crops yes -o plain
    [ "$(lines plain/inputs.tsv)" = 3 ]
    [ "$(lines plain/sample_submission.txt)" = 1 ]
    [ -z "$(ls plain/broken)" ]
    frames=$(awk -F'\t' 'NR > 1 { n += $4 } END { print n }' plain/inputs.tsv)
    [ "$(find plain/cropped_aligned -name '*.jpg' | wc -l)" = "$frames" ]
    grep -q synthetic plain/README.txt
}

@test "a folder with files in it stays as it is; an empty one is taken" {
    mkdir full empty && echo mine >full/file
    run -3 --separate-stderr va-synth --videos 1 --traps no -o full
    [ "$stderr" = "va-synth: full: found files in it, expected a new or empty folder" ]
    [ "$(ls -A full)" = file ]
    va-synth -q --videos 1 --test 0 --frames 2 --size 16 --traps no -o empty/
    [ -e empty/README.txt ]
}

@test "a signal leaves nothing; what SIGKILL leaves, the next run clears" {
    va-synth -q --frames 3000 -o corpus &
    pid=$!
    until [ -d .corpus.part/videos ]; do sleep 0.05; done
    kill -TERM $pid
    rc=0 && wait $pid || rc=$?
    [ $rc -eq 143 ]
    [ -z "$(ls -A)" ]
    va-synth -q --frames 3000 -o corpus &
    pid=$!
    until [ -d .corpus.part/videos ]; do sleep 0.05; done
    run -4 --separate-stderr va-synth -o corpus
    [ "$stderr" = "va-synth: corpus: in use by process $pid" ]
    kill -KILL $pid
    wait $pid || rc=$?
    [ $rc -eq 137 ]
    [ -d .corpus.part ]
    va-synth -q --videos 1 --test 0 --frames 2 --size 16 --traps no -o corpus
    [ ! -e .corpus.part ] && [ "$(lines corpus/inputs.tsv)" = 2 ]
}

@test "full disk: status 4, nothing left" {
    can_mount || skip "no small file system can be mounted here"
    rm -rf mount-probe
    mkdir disk
    # shellcheck disable=SC2016
    run -0 small_disk 524288 disk bash -c '
        va-synth -j 1 -o disk/corpus 2>err; rc=$?
        ls -A disk; cat err >&2; exit $((rc == 4 ? 0 : 1))'
    [ "$output" = "$(cat err)" ]
    [ "$(wc -l <err)" = 1 ]
    grep -q 'No space left on device' err
}

@test "contradictions: status 2" {
    run -2 --separate-stderr va-synth
    [[ $stderr == *"missing --output DIR"* ]]
    run -2 --separate-stderr va-synth -o x --size 33
    [[ $stderr == *"--size is odd"* ]]
    run -2 --separate-stderr va-synth -o x --window 10 --stride 11
    [[ $stderr == *"--stride is longer than --window"* ]]
    run -2 --separate-stderr va-synth -o x y
    [[ $stderr == *"unexpected argument y"* ]]
    [ ! -e x ]
}
