#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-features brings features of other programs in, .npy and CSV, and ours out again.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# array FILE DESCR ORDER SHAPE [VERSION]: the head of a .npy file, as an older numpy writes it; elements follow
array() {
    local dict="{'descr': $2, 'fortran_order': $3, 'shape': $4, }"
    case ${5:-1} in
    1) printf '\x93NUMPY\x01\0\x76\0%-117s\n' "$dict" ;;
    2) printf '\x93NUMPY\x02\0\x74\0\0\0%-115s\n' "$dict" ;;
    3) printf '\x93NUMPY\x03\0\x74\0\0\0%-115s\n' "$dict" ;;
    esac >"$1"
}
import() { va-features import --fps 25 "$@"; }
refuses() { # TEXT ARGS...: exit 3, one line, no output
    run -3 --separate-stderr va-features import "${@:2}" -o no.h5
    [ "$stderr" = "va-features: $1" ] || explain "$stderr"
    [ ! -e no.h5 ]
}

@test "generic battery" {
    make_features --frames 30 --dim 3 in.h5
    va-features export -o in.npy in.h5
    va-features export -o in.csv in.h5
    generic_battery "va-features import" --fps 25 -o out.h5 in.npy
    BATTERY_WHOLE=in.csv generic_battery "va-features import" --fps 25 -o out.h5 in.csv
    generic_battery "va-features export" -o out.csv in.h5
    BATTERY_SKIP=full generic_battery "va-features export" -o out.npy in.h5 # replaces no array
    for f in in.h5 in.npy in.csv; do BATTERY_WHOLE=in.csv generic_battery "va-features info" $f; done
}

@test "out and in again: the same features, and the same bytes of an array" {
    make_features --frames 40 --gaps 3,4,17 --frame-count 45 --dim 7 --fps 25 a.h5
    va-features export -o a.npy --index i.npy --times t.npy a.h5
    va-features import --times t.npy --index i.npy --fps 25 --frame-count 45 --name v -o b.h5 a.npy
    va-h5cmp a.h5 b.h5
    va-check b.h5
    va-features export -o b.npy b.h5
    cmp a.npy b.npy
    va-features export -o a.csv a.h5
    va-features import --index-column frame --time-column time --fps 25 --frame-count 45 --name v -o c.h5 a.csv
    va-h5cmp a.h5 c.h5
    [ "$(head -n 1 a.csv)" = frame,time,f0,f1,f2,f3,f4,f5,f6 ]
    va-features export -o - a.h5 | cmp - a.csv
}

@test "export: all files or none; an array without the numbers of its frames is said" {
    make_features --frames 9 --gaps 3 a.h5
    echo mine >t.npy
    run -3 --separate-stderr va-features export -o a.npy --index i.npy --times t.npy a.h5
    [[ $stderr == "va-features: t.npy: exists"* ]] || explain "$stderr"
    [ ! -e a.npy ] && [ ! -e i.npy ] && [ "$(cat t.npy)" = mine ]
    run -4 --separate-stderr va-features export -o a.npy --index i.npy --times none/t.npy a.h5
    [ ! -e a.npy ] && [ ! -e i.npy ] && [ -z "$(find . -name '*.part')" ]
    run -0 --separate-stderr va-features export -o a.npy a.h5
    [ "$stderr" = "va-features: a.npy: its 8 rows are not frames 1 to 8: give --index FILE to keep their numbers" ] || explain "$stderr"
    run -0 --separate-stderr va-features export --force -o a.npy --index i.npy a.h5
    [ "$stderr" = "" ]
    make_features --frames 9 b.h5
    run -0 --separate-stderr va-features export -o b.npy b.h5
    [ "$stderr" = "" ]
    if can_mount; then # the last file fills the disk: no file appears
        mkdir disk
        make_features --frames 3000 --dim 1 c.h5
        run -0 small_disk 45056 disk sh -c 'va-features export -o disk/c.npy --index disk/i.npy --times disk/t.npy c.h5; echo $?; ls -A disk'
        [[ ${lines[0]} == "va-features: disk/"?".npy: cannot write: No space left on device" ]] && [ "${lines[1]}" = 4 ] && [ "${#lines[@]}" -eq 2 ] || explain "$output"
    fi
}

@test "float16 stays float16" {
    make_features --frames 9 --half a.h5
    va-features export -o a.npy a.h5
    head -c 80 a.npy | grep -qa "'descr': '<f2'"
    va-features import --fps 30 --name v -o b.h5 a.npy
    va-h5cmp a.h5 b.h5
}

@test "types, byte orders, order of elements, versions" {
    one() { # WANTED DESCR ORDER SHAPE BYTES [VERSION]
        array x.npy "$2" "$3" "$4" "${6:-1}"
        # shellcheck disable=SC2059
        printf "$5" >>x.npy
        import --name v -o x.h5 x.npy
        [ "$(column x.h5 /features)" = "$1" ] || explain "$2 $3 $4: $(column x.h5 /features)"
    }
    one "1 -2" "'<f4'" False '(2,)' '\0\0\x80\x3f\0\0\0\xc0'
    one "1 -2" "'>f4'" False '(2, 1)' '\x3f\x80\0\0\xc0\0\0\0' 2
    one "1 -2" "'>f8'" False '(1, 2)' '\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0' 3
    one "1 -2" "'<f2'" False '(2, 1)' '\0\x3c\0\xc0'
    one "1 2 3 4 5 6" "'|u1'" True '(3, 2)' '\x01\x03\x05\x02\x04\x06'
    one "-1 255" "'<i2'" False '(2, 1)' '\xff\xff\xff\0'
    one "65535 255" "'<u2'" False '(2, 1)' '\xff\xff\xff\0'
    one "-2" "'>i8'" False '(1, 1)' '\xff\xff\xff\xff\xff\xff\xff\xfe'
    one "1 0" "'|b1'" False '(2, 1)' '\x01\0'
}

@test "what is no array of numbers is refused by name, and nothing in it is run" {
    array objects.npy "'|O'" False '(1,)'
    printf '\x80\x04cos\nsystem\n(S"touch ran"\ntR.' >>objects.npy
    refuses "objects.npy: found an array of Python objects, expected numbers: save x.astype('float32')" --fps 25 objects.npy
    [ ! -e ran ]
    { printf '\x93NUMPY\x02\x00\xff\xff\xff\xff'; head -c 200 /dev/zero; } >header.npy
    refuses "header.npy: found a header of 4294967295 bytes, expected at most 65536" --fps 25 header.npy
    array fields.npy "[('a', '<f4')]" False '(1,)'
    refuses "fields.npy: found an array with named fields, expected numbers: save each field, or stack them" --fps 25 fields.npy
    array batch.npy "'<f4'" False '(1, 2, 3)'
    refuses "batch.npy: found shape 1x2x3, expected two dimensions, frames and features: save x[0]" --fps 25 batch.npy
    array short.npy "'<f4'" False '(2, 3)'
    printf 1234 >>short.npy
    refuses "short.npy: found 4 bytes of elements, expected 24 for shape 2x3 of f4: the file ends early" --fps 25 short.npy
    array huge.npy "'<f4'" False '(4611686018427387904, 4)'
    refuses "huge.npy: found an impossible shape, 4611686018427387904x4" --fps 25 huge.npy
    array code.npy "'<f4'" False '(__import__("os").system("touch ran"),)'
    run -3 --separate-stderr import -o no.h5 code.npy
    [[ $stderr == *"expected a dict with descr, fortran_order and shape" ]]
    [ ! -e ran ]
    { printf 'PK\3\4'; head -c 90 /dev/zero; } >many.npz
    refuses "many.npz: found a zip archive, expected a NumPy array (.npy) or a CSV file: save arrays one by one, with numpy.save" --fps 25 many.npz
    printf 'BMI,PK\n1,2\n' >bmi.csv # two letters are no picture
    import -o no.h5 bmi.csv
}

@test "values: a missing one is named, or its row is a frame without a face" {
    array x.npy "'<f4'" False '(3, 2)'
    printf '\0\0\x80\x3f\0\0\x80\x3f\0\0\x80\x3f\0\0\xc0\x7f\0\0\0\x40\0\0\0\x40' >>x.npy
    refuses "x.npy: [1, 1]: found NaN: --missing drop takes such a row for a frame without a face" --fps 25 x.npy
    run -0 --separate-stderr import --missing drop -o x.h5 x.npy
    [ "$stderr" = "va-features: x.npy: 1 of 3 rows have NaN or a missing number: frames without a face" ]
    [ "$(column x.h5 /index)" = "1 3" ]
    printf 'a,b\n1,2\n3,\n' >x.csv
    refuses "x.csv: line 3, column 2 (b): found no number: --missing drop takes such a row for a frame without a face" --fps 25 x.csv
    printf 'a,b\n1,2\n3,x\n' >x.csv
    refuses "x.csv: line 3, column 2 (b): found 'x', expected a number" --fps 25 x.csv
    printf 'a;b\n1;2\n3;0,5\n' >x.csv
    refuses "x.csv: line 3, column 2 (b): found '0,5', expected a number with a decimal point" --fps 25 x.csv
    printf 'a,b\n1,2\n3\n' >x.csv
    refuses "x.csv: line 3: found 1 column, expected 2 as in the first line" --fps 25 x.csv
    printf '1e39,2\n' >x.csv
    refuses "x.csv: line 1, column 1: found 1e+39, expected a number within the range of float32" --fps 25 x.csv
}

@test "frames and times: counted from 1, one for each row, never back" {
    printf '1\n2\n3\n' >x.csv
    printf '0\n1\n2\n' >i.csv
    refuses "i.csv: row 1: found frame 0, expected a whole number from 1 to 16777216: frames are counted from 1" --fps 25 --index i.csv x.csv
    printf '1\n1\n2\n' >i.csv
    refuses "i.csv: row 2: found frame 1 after frame 1, expected a later one" --fps 25 --index i.csv x.csv
    printf '1\n2\n' >i.csv
    refuses "i.csv: found 2 rows, expected one for each row of x.csv, which has more" --fps 25 --index i.csv x.csv
    printf '0\n.5\n.4\n' >t.csv
    refuses "t.csv: row 3: found the time 0.4 after 0.5, expected a later one" --times t.csv x.csv
    printf '0\n.5\n.6\n.7\n' >t.csv
    refuses "t.csv: found 4 rows, expected 3 as in x.csv" --times t.csv x.csv
    refuses "x.csv: found frame 3, expected at most 2, the number of frames" --fps 25 --frame-count 2 x.csv
    printf '0\n.5\n1\n' >t.csv
    va-features import --times t.csv -o x.h5 x.csv
    [ "$(column x.h5 /pts) $(attribute x.h5 fps) $(attribute x.h5 frame_count)" = "0 0.5 1 2 3" ]
}

@test "features are looked at before they are exported or used" {
    make_features --nan nan.h5
    make_features --back back.h5
    make_labels --frames 10 >v.txt
    run -3 --separate-stderr va-features export -o x.npy nan.h5
    [ "$stderr" = "va-features: nan.h5: /features: frame 6 (row 5), column 3: found nan, expected a finite number" ] || explain "$stderr"
    run -3 --separate-stderr va-features export -o x.npy back.h5
    [ "$stderr" = "va-features: back.h5: /pts: row 9: found the time -1 after 0.266667, expected a later one" ] || explain "$stderr"
    [ ! -e x.npy ]
    run -3 --separate-stderr va-window --labels . -o w.h5 back.h5
    [ "$stderr" = "va-window: back.h5: /pts: row 9: found the time -1 after 0.266667, expected a later one" ] || explain "$stderr"
}

@test "CSV of others: headers, quotes, separators, the index of pandas" {
    with() { # WANTED CONTENT OPTION...
        # shellcheck disable=SC2059
        printf "$2" >x.csv
        import "${@:3}" -q -o x.h5 x.csv
        [ "$(column x.h5 /features)" = "$1" ] || explain "$2: $(column x.h5 /features)"
    }
    with "1 2 3 4" '1,2\n3,4\n'
    with "1 2 3 4" '\xef\xbb\xbf"a","b, ""c"""\r\n1,2\r\n3,4\r\n\r\n'
    with "1 2 3 4" 'a;b\n1; 2\n3;4'
    with "1 2 3 4" 'a\tb\n1\t2\n3\t4\n'
    with "1 2 3 4" ' a  b\n 1 2\n3   4 \n'
    with "1 2 3 4" ',a,b\n0,1,2\n1,3,4\n'
    with "1 2 3" '0,1,2\n1,2,3\n'
    with "0 1 2 1 2 3" '0,1,2\n1,2,3\n' --header no
    with "2 4" 'frame, t, x, y\n1,0,1,2\n3,.1,3,4\n' --index-column frame --time-column t --drop-column x
    [ "$(column x.h5 /index) $(column x.h5 /pts)" = "1 3 0 0.1" ]
    with "2 4" '1 2\n3 4\n' --drop-column 1
    run -3 --separate-stderr import --drop-column frme -o no.h5 <(printf 'frame,x\n1,2\n')
    [[ $stderr == *"found no column 'frme', did you mean 'frame'?" ]]
    printf 'frame,x\n1,2\n' >i.csv
    refuses "i.csv: found no column 'number', expected 'frame', 'x': name one with --index-column" --fps 25 --index-column number i.csv
    run -3 --separate-stderr import -o no.h5 <(printf 'a,b\n"1,2\n')
    [[ $stderr == *"line 2: found a quote that does not end with its cell" ]]
}

@test "several files go to a folder, under their names" {
    printf '1\n' >a.csv && printf '2\n' >b.mp4.csv
    import --output-dir out a.csv b.mp4.csv
    [ "$(attribute out/a.h5 video) $(attribute out/b.h5 video)" = "a b" ]
    mkdir idx times && echo 7 >idx/a.csv && echo 9 >idx/b.mp4.csv && echo .5 >times/a.csv && echo .25 >times/b.mp4.csv
    import --output-dir out --index idx --times times/ a.csv b.mp4.csv
    [ "$(column out/a.h5 /index) $(column out/b.h5 /index) $(column out/a.h5 /pts) $(column out/b.h5 /pts)" = "7 9 0.5 0.25" ]
    import --index idx -o out.h5 "$PWD/b.mp4.csv"
    [ "$(column out.h5 /index)" = 9 ]
    rm idx/b.mp4.csv
    run -3 --separate-stderr import --output-dir out --index idx a.csv b.mp4.csv
    [ "$stderr" = "va-features: idx/b.mp4.csv: cannot open: No such file or directory" ] || explain "$stderr"
    run -2 --separate-stderr import --output-dir out --index idx/a.csv a.csv b.mp4.csv
    [[ $stderr == *"several inputs need folders as --index and --times"* ]]
    run -2 --separate-stderr import -o out.h5 a.csv b.mp4.csv
    [[ $stderr == *"several inputs need --output-dir DIR instead of --output"* ]]
    for name in . .. a/b '#a'; do
        run -2 --separate-stderr import --name "$name" -o out.h5 a.csv
        [ "$stderr" = "va-features: --name $name: cannot be the name of a video (see va.frames(5)) (try --help)" ] || explain "$stderr"
    done
    run -2 --separate-stderr va-features import -o out.h5 a.csv
    [[ $stderr == *"missing --fps X, --times FILE or --time-column NAME"* ]]
}

@test "an array of somebody else is not replaced" {
    make_features a.h5
    echo mine >a.npy
    run -3 --separate-stderr va-features export -o a.npy a.h5
    [[ $stderr == *"--force" ]]
    [ "$(cat a.npy)" = mine ]
}

@test "info: a row per file" {
    make_features --frames 3 --dim 2 --video clip --fps 25 a.h5
    printf '1,2\n3,5\n' >b.csv
    va-features info a.h5 b.csv >table
    [ "$(head -n 1 table | cut -f 1-7)" = $'file\tvideo\trows\tcolumns\ttype\tframes\tfps' ]
    [ "$(sed -n 2p table | cut -f 1-7)" = $'a.h5\tclip\t3\t2\tfloat32\t3\t25' ]
    [ "$(sed -n 3p table)" = $'b.csv\t-\t2\t2\ttext\t-\t-\t1\t5\t2.75\t-\t-' ]
    mkdir features
    run -3 --separate-stderr va-features info features
    [ "$stderr" = "va-features: features: found a folder, expected va.features/1: name a file in it, or several: features/*.h5" ]
}

@test "an array of 800 MB, by columns: memory stays small" {
    array big.npy "'<f8'" True '(100000, 1000)'
    truncate -s $(($(stat -c %s big.npy) + 800000000)) big.npy
    run -0 --separate-stderr va-features import -v --fps 25 -o big.h5 big.npy
    [[ $stderr =~ ([0-9]+)" MiB" ]] || explain "$stderr"
    [ "${BASH_REMATCH[1]}" -lt 100 ] || explain "$stderr"
    rm big.*
}

@test "numpy: its arrays come in, and ours are its bytes" {
    python_with numpy
    "$PY" - <<'PYTHON'
import numpy as np
x = np.linspace(-3, 3, 60).reshape(12, 5)
for name, kind in enumerate(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]):
    for order in "<>":
        for by in "CF":
            for version in (1, 2, 3):
                y = np.asarray(np.abs(x) if kind[0] == "u" else x, order=by).astype(order + kind, order=by)
                stem = f"{kind}{'b' if order == '>' else 'l'}{by}{version}"
                with open(stem + ".npy", "wb") as f:
                    np.lib.format.write_array(f, y, version=(version, 0))
np.save("same.npy", x.astype("<f4"))
PYTHON
    import --output-dir in ./*.npy
    for f in in/*.h5; do va-features export -o "out-$(basename "$f" .h5).npy" "$f"; done
    cmp same.npy out-same.npy
    "$PY" - <<'PYTHON'
import glob, numpy as np
files = [f for f in glob.glob("*.npy") if not f.startswith("out-")]
assert len(files) == 145
for f in files:
    x, y = np.load(f), np.load("out-" + f)
    assert y.dtype == ("f2" if x.dtype.kind + str(x.dtype.itemsize) == "f2" else "f4") and (x.astype(y.dtype) == y).all(), f
PYTHON
}
