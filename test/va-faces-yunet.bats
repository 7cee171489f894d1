#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-faces with the published weights (make deps WITH=faces) on real faces, which are not part of the
# sources: ../shared/data/clips. The comparison with OpenCV needs a Python with cv2 and h5py, named by PY
# or found as python3.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

CLIPS=$BATS_TEST_DIRNAME/../../shared/data/clips

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PY=${PY:-python3}
    [ -f "${VA_FACES:-$BUILD/share/mamba-va/yunet.h5}" ] || skip "no weights of the detector (make deps WITH=faces)"
    [ -d "$CLIPS" ] || skip "shared/data/clips is not here"
}

@test "a face in each of 72 frames, in the first 72 of 169, in none of 95" {
    va-faces -q -o single.h5 "$CLIPS/single_face.mp4"
    [ "$(column single.h5 /index)" = "$(seq -s ' ' 72)" ]
    [ "$(people single.h5)" = "single_face 1-72 72" ]
    va-faces -q -o half.h5 "$CLIPS/face_noface.mov"
    [ "$(column half.h5 /index)" = "$(seq -s ' ' 72)" ]
    [ "$(attribute half.h5 frame_count)" = 169 ]
    run -0 --separate-stderr va-faces -o none.h5 "$CLIPS/no_face.mp4"
    [ "$(column none.h5 /index)" = "" ]
    [[ $stderr == *"no_face.mp4: found no face in 95 frames" ]]
    va-check single.h5 half.h5 none.h5
}

# Two people on one canvas who cross, one behind the other for more than a second: the clip, and the
# clip as in a mirror, backwards and in other colours.
@test "two who cross keep their names" {
    ffmpeg -nostdin -v error -i "$CLIPS/single_face.mp4" -an -filter_complex "
        [0]scale=320:180,split=4[a][b][c][d]; [b]reverse[b1]; [d]reverse,hflip[d1]; [c]hflip[c1];
        [a][b1]concat[front]; [d1][c1]concat,lutrgb=r=val*.45:g=val*.5:b=val*.6[back];
        color=gray:s=960x256:r=30:d=4.8[g]; [g][back]overlay=x='620-t*600/4.8':y=50[h];
        [h][front]overlay=x='20+t*600/4.8':y=30" -r 30 -t 4.8 -c:v ffv1 -pix_fmt bgr0 cross.mkv
    va-faces -q -o cross.h5 cross.mkv
    [ "$(column cross.h5 /tracks/name)" = "cross_left cross_right" ]
    paste -d ' ' <(column cross.h5 /index | tr ' ' '\n') <(column cross.h5 /track | tr ' ' '\n') \
        <(column cross.h5 /box | tr ' ' '\n' | paste -d ' ' - - - -) >rows
    # the one in front begins at the left: 1. The one behind is hidden where their places are near.
    awk '{ t = ($1 - 1) / 30; front = 20 + t * 125 + 148; back = 620 - t * 125 + 172; x = $3 + $5 / 2
           apart = front > back ? front - back : back - front
           if (apart < 100) next
           who = (x - front) ^ 2 < (x - back) ^ 2 ? 1 : 2
           swaps += who != $2; n++ }
         END { print swaps + 0, n; exit swaps > 0 }' rows || explain "swaps, rows: $(awk 'END { print NR }' rows)"
    [ "$(awk '$2 == 1' rows | wc -l)" -ge 142 ] # of 144
    [ "$(awk '$2 == 2' rows | wc -l)" -ge 100 ]
}

@test "boxes, points and scores are those of OpenCV" {
    lacking=$("$PY" -c 'import importlib.util, sys
print(*[m for m in sys.argv[1:] if not importlib.util.find_spec(m)])' numpy cv2 h5py) || lacking=python
    [ -z "$lacking" ] || skip "no Python module ${lacking%% *} (set PY to a Python that has it)"
    [ -f "$BUILD/fetched/yunet.onnx" ] || skip "no $BUILD/fetched/yunet.onnx (make deps WITH=faces)"
    for clip in single_face.mp4:640x360 face_noface.mov:960x540; do
        size=${clip#*:}
        va-decode --raw "$CLIPS/${clip%:*}" >frames.rgb
        va-faces -q --min-score 0.6 --min-size 0 -o f.h5 "$CLIPS/${clip%:*}"
        run -0 "$PY" "$BATS_TEST_DIRNAME/reference/yunet.py" "$BUILD/fetched/yunet.onnx" f.h5 frames.rgb "${size%x*}" "${size#*x}"
        echo "# ${clip%:*}: ${lines[-1]}" >&3
    done
}
