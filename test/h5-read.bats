#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# How HDF5 files are read, whichever tool does it: good files that the machine cannot read,
# that are replaced meanwhile or compressed, and libraries that would load code.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" && make_features --frames 50 good.h5; }

# packed FILE CHUNK FILTER: good.h5 with its features stored in chunks
packed() {
    cp good.h5 "$1"
    h5edit "$1" pack /features "$2" "$3"
}

@test "gzip in chunks of any size is read: rows, columns, one for all" {
    for chunk in 1x1 7x3 50x1 64x64 50x4; do
        packed z.h5 $chunk gzip
        va-check z.h5
        va-h5cmp z.h5 good.h5
        packed n.h5 $chunk none
        va-check n.h5
    done
}

@test "64 MiB in one chunk, packed to 64 KiB: unpacked once, not once for each MiB" {
    make_features --frames 16384 --dim 1 big.h5
    h5edit big.h5 delete @id
    h5edit big.h5 dataset /features float32 16384x1024 0
    h5edit big.h5 pack /features 16384x1024 gzip
    h5repack big.h5 small.h5
    [ "$(stat -c %s small.h5)" -lt 600000 ]
    va-check small.h5
    va-window -q --window 300 --stride 200 -o w.h5 small.h5 >out
}

@test "chunks that unpack to more than 1 GiB are refused before they are unpacked" {
    make_features --frames 2 --dim 1 wide.h5
    h5edit wide.h5 delete @id
    h5edit wide.h5 pack /features 524288x1024 empty
    run -1 --separate-stderr va-check wide.h5
    [[ $stderr == "va-check: wide.h5: /features: found chunks that unpack to 2147483648 bytes"*"(h5repack)" ]]
}

@test "a filter that is not there is named" {
    packed f.h5 50x4 32000
    run -1 --separate-stderr va-check f.h5
    [ "$stderr" = "va-check: f.h5: /features: filter 32000 (lzf) is not available; rewrite with gzip or none (h5repack)" ]
    packed f.h5 50x4 32015
    run -3 --separate-stderr va-window --window 8 --stride 8 -o w.h5 f.h5
    [ "$stderr" = "va-window: f.h5: /features: filter 32015 (zstd) is not available; rewrite with gzip or none (h5repack)" ]
    packed f.h5 50x4 40000
    run -1 --separate-stderr va-check f.h5
    [[ $stderr == *": filter 40000 (unheard of) is not available; "* ]]
}

@test "no code is loaded to read a file, whatever the environment names" {
    command -v "${CC:-cc}" >/dev/null || skip "no compiler"
    packed f.h5 50x4 32015
    mkdir plugins
    cat >plugin.c <<'END'
#include <stdio.h>
__attribute__((constructor)) static void loaded(void) { fclose(fopen("loaded", "w")); }
END
    "${CC:-cc}" -shared -fPIC -o plugins/libplugin.so plugin.c
    HDF5_PLUGIN_PATH=$PWD/plugins h5dump -d /features f.h5 >out 2>&1 || true
    [ -e loaded ] || skip "this library has no plugins"
    rm loaded
    HDF5_PLUGIN_PATH=$PWD/plugins run -1 va-check f.h5
    HDF5_PLUGIN_PATH=$PWD/plugins run -3 va-window --window 8 --stride 8 -o w.h5 f.h5
    HDF5_PLUGIN_PATH=$PWD/plugins HDF5_VOL_CONNECTOR=plugin HDF5_DRIVER=plugin va-check good.h5
    [ ! -e loaded ]
}

@test "variables of the library change nothing" {
    HDF5_DRIVER=split HDF5_VOL_CONNECTOR=none HDF5_PLUGIN_PRELOAD=x HDF5_DEBUG=all \
        HDF5_USE_FILE_LOCKING=TRUE run -0 --separate-stderr va-check good.h5
    [ "$output" = "" ]
    [ "$stderr" = "" ]
}

@test "too few descriptors: 4, the file is not called damaged" {
    run -4 --separate-stderr bash -c 'exec 3>&- 4>&- 5>&-; ulimit -n 6; va-check good.h5'
    [[ $stderr == "va-check: good.h5: "*": Too many open files" ]]
    echo text >bad.h5
    run -4 --separate-stderr bash -c 'exec 3>&- 4>&- 5>&-; ulimit -n 6; va-check bad.h5 good.h5 bad.h5'
}

@test "reads, maps and locks that fail: 0 or 4, never damage" {
    need_strace
    va-window -q --window 8 --stride 8 -o w.h5 good.h5 >out
    for call in pread64 mmap newfstatat openat; do
        for why in EIO ENOMEM; do
            for n in 1 2 3 5 8 13 21; do
                rc=0
                strace -f -qq -o log -P "$PWD/good.h5" -e trace=$call \
                    -e inject=$call:error=$why:when=$n va-check good.h5 2>err || rc=$?
                [ "$rc" -eq 0 ] || [ "$rc" -eq 4 ] || explain "$call $n $why: $rc $(cat err)"
                [ "$rc" -eq 0 ] || [ "$(wc -l <err)" -eq 1 ] || explain "$(cat err)"
                grep -q INJECTED log || break
            done
        done
    done
}

@test "a file that is replaced by rename all the time is read each time" {
    make_features --frames 900 --dim 16 other.h5
    cp good.h5 x.h5
    (while [ ! -e stop ]; do
        cp good.h5 t1 && mv t1 x.h5
        cp other.h5 t2 && mv t2 x.h5
    done) 3>&- &
    for ((i = 0; i < 40; i++)); do va-check x.h5 || break; done
    touch stop
    wait
    [ "$i" -eq 40 ]
}

@test "one process walks all files, and can only compute" {
    need_strace
    va-check --version -v | grep -q sanitize && skip "a build with a sanitizer is not confined"
    for i in 1 2 3 4 5; do cp good.h5 $i.h5; done
    strace -qq -f -e trace=process,prctl -o calls va-check [1-5].h5
    [ "$(grep -cE '(clone|fork)[0-9]*\(' calls)" -eq 1 ]
    [ "$(grep -c 'PR_SET_SECCOMP, SECCOMP_MODE_FILTER.* = 0' calls)" -eq 1 ]
}

@test "a thousand videos: little memory, few descriptors" {
    mkdir g
    make_features --frames 5 --dim 4 --video aaaa a.h5
    h5edit a.h5 delete @id
    h5edit a.h5 delete @provenance
    for ((i = 1000; i < 2000; i++)); do
        cp a.h5 "g/$i.h5"
        h5edit "g/$i.h5" string @video $i
    done
    va-weights init --arch mamba-va --in-dim 4 --channels 8,8 --kernel 3 --layers 1 --d-state 2 \
        --hidden 8 --seed 1 -o m.h5
    # shellcheck disable=SC2016
    run -0 --separate-stderr bash -c 'ulimit -n 64
        va-window -q --window 8 --stride 8 -o w.h5 g/*.h5 >out &&
        va-predict -v -j 1 -m m.h5 --windows w.h5 -o p.h5'
    most=$(sed -n 's/.* at most \([0-9]*\) MiB$/\1/p' <<<"$stderr")
    [ "$most" -lt 150 ] || explain "$most MiB"
    va-check p.h5
}
