#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Files of Python's libraries: what h5py writes is read, and doc/python.md runs as it stands.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" || return; }

@test "python.md: its blocks run as they stand, one after the other" {
    python_with numpy h5py pandas
    awk '/^```(sh|python)$/ { file = sprintf("block%02d.%s", ++n, substr($0, 4)); next }
        /^```/ { file = "" } file { print > file }' "$BATS_TEST_DIRNAME/../doc/python.md"
    [ "$(find . -name 'block*' | wc -l)" -ge 9 ]
    for block in block*; do
        case $block in
        *.sh) run bash -euo pipefail "$block" ;;
        *) run "$PY" "$block" ;;
        esac
        [ "$status" -eq 0 ] || explain "$(cat "$block")" "$output"
    done
    va-features export -o direct.npy direct.h5
    cmp direct.npy clip.npy
    va-features export -o table.npy table.h5
    cmp table.npy clip.npy
}

# written NAME CODE...: NAME.h5, by h5py, a feature file of x [6, 3] but for what CODE changes
written() {
    "$PY" - "$@" <<'PYTHON'
import sys, h5py, numpy as np
x = (np.arange(18).reshape(6, 3) - 4).astype("float32")
made = dict(features=x, index=np.arange(1, 7, dtype="int32"), pts=np.arange(6) / 8)
attrs = dict(schema="va.features/1", complete=1, video="v", fps=8.0, frame_count=6)
how = {}
for code in sys.argv[2:]:
    exec(code)
with h5py.File(sys.argv[1] + ".h5", "w") as f:
    for name, data in made.items():
        f.create_dataset(name, data=data, **(how if name == "features" else {}))
    f.attrs.update(attrs)
PYTHON
}

@test "h5py: other types, byte orders, strings and filters say the same" {
    python_with numpy h5py
    written plain
    va-check plain.h5
    same() {
        written other "$1"
        va-check other.h5
        va-features export --force -o other.npy other.h5
        cmp plain.npy other.npy || explain "$1"
        va-window -q --window 4 --stride 2 -o other.w.h5 other.h5 >other.tsv
        cmp plain.tsv other.tsv || explain "$1"
        same_numbers plain.h5 other.h5 || explain "$1"
    }
    va-features export -o plain.npy plain.h5
    va-window -q --window 4 --stride 2 -o plain.w.h5 plain.h5 >plain.tsv
    for type in f8 '>f4' '>f8' i1 i2 '>i4' i8; do same "made['features'] = x.astype('$type')"; done
    for type in i8 u1 u2 u4 u8 i2 '>i4' '>u8'; do same "made['index'] = made['index'].astype('$type')"; done
    for type in f4 '>f8' f2; do same "made['pts'] = made['pts'].astype('$type')"; done
    for value in True 'np.bool_(True)' 'np.uint8(1)' '[1]'; do same "attrs['complete'] = $value"; done
    same "attrs['fps'] = 8"
    same "attrs['frame_count'] = np.int16(6)"
    same "attrs.update(schema=np.bytes_('va.features/1'), video=np.bytes_('v'))"
    same "attrs.update(schema=np.array('va.features/1', dtype=h5py.string_dtype('ascii')))"
    same "how.update(compression='gzip', shuffle=True, fletcher32=True, chunks=(2, 3))"
    same "made['features'] = x.astype('>f8'); how.update(compression='gzip')"
}

@test "h5py: float64 is windowed, trained on and predicted from like float32" {
    python_with numpy h5py
    mkdir labels && make_labels --frames 6 >labels/v.txt
    echo v >list
    va-weights init --arch mamba-va --in-dim 3 --channels 4 --kernel 3 --layers 1 -o model.h5
    for type in f4 '>f8'; do
        written "$type" "made['features'] = x.astype('$type')"
        va-window -q --labels labels --window 4 --stride 2 -o "$type.w.h5" "$type.h5" >/dev/null
        va-predict -q -m model.h5 --windows "$type.w.h5" --mode overlap -o "$type.p.h5"
        va-predict -q -m model.h5 -o "$type.s.h5" "$type.h5"
        va-tcn-mamba-train -q --windows "$type.w.h5" --train list --val list --channels 4 --kernel 3 --layers 1 \
            --epochs 1 --warmup-epochs 0 -o "$type.m.h5"
    done
    for what in p s m; do same_numbers "f4.$what.h5" ">f8.$what.h5"; done # but for the names of inputs
}

@test "h5py: what does not say the same is refused, with its place" {
    python_with numpy h5py
    refuses() { # TEXT CODE
        written other "$2"
        run -1 --separate-stderr va-check other.h5
        [ "$stderr" = "va-check: other.h5: $1" ] || explain "$stderr"
        run -3 va-window --window 4 --stride 2 -o w.h5 other.h5
    }
    refuses "/features[1, 0]: found inf, expected a finite value" "made['features'] = np.where(x == -1, 1e300, x.astype('f8'))"
    refuses "/index: found float64, expected int32" "made['index'] = made['index'] * 1.5"
    refuses "/index[5]: found 2.14748365e+09, expected a value of at most 6" "made['index'] = np.array([1, 2, 3, 4, 5, 2**40])"
    refuses "/features: found a type that no schema has (class 6, 16 bytes), expected numbers or strings" "made['features'] = x.astype('complex128')"
    refuses "@complete: found 0, expected a value of at least 1" "attrs['complete'] = False"
    refuses "/features: filter 32000 (lzf) is not available; rewrite with gzip or none (h5repack)" "how.update(compression='lzf')"
    refuses "@frame_count: found a float, expected int" "attrs['frame_count'] = 6.0"
}
