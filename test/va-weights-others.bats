#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-weights with what others bring: files that are no weights, heads and objects beside an encoder,
# two encoders in one file, types of numbers that no model here has.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    va-weights init --arch vit_tiny -o tiny.h5
    va-weights export -o tiny.safetensors tiny.h5
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/tiny.* .
}

# rewrite FILE HEADER BYTES: another header before the same data, and BYTES zeros after them
rewrite() {
    local old n=${#2}
    old=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    {
        # shellcheck disable=SC2059 # a format made of escapes
        for ((i = 0; i < 8; i++)); do printf "\\x$(printf %02x $((n >> 8 * i & 255)))"; done
        printf %s "$2"
        tail -c +$((9 + old)) "$1"
        head -c "$3" /dev/zero
    } >rewritten
    mv rewritten "$1"
}

header() { tail -c +9 "$1" | head -c "$(od -An -tu8 -N8 "$1" | tr -d ' ')" | sed 's/ *$//'; }

# prefix FILE TEXT: put TEXT before all names
prefix() { rewrite "$1" "$(header "$1" | sed 's/"\([a-z][a-z_0-9.]*\)":{"dtype"/"'"$2"'\1":{"dtype"/g')" 0; }

# add FILE NAME TYPE SHAPE BYTES: one more tensor, of zeros
add() {
    local head data
    head=$(header "$1")
    data=$(($(stat -c %s "$1") - 8 - $(od -An -tu8 -N8 "$1" | tr -d ' ')))
    rewrite "$1" "${head%\}},\"$2\":{\"dtype\":\"$3\",\"shape\":[$4],\"data_offsets\":[$data,$((data + $5))]}}" "$5"
}

# imported FILE [OPTION...]: it is the same encoder
imported() {
    va-weights import "${@:2}" -o m.h5 "$1" && va-h5cmp tiny.h5 m.h5
}

# refused FILE SAID: info and import say this one line of the file
refused() {
    for command in "info" "import -o no.h5"; do
        # shellcheck disable=SC2086
        run -3 --separate-stderr va-weights $command "$1"
        [ "$stderr" = "va-weights: $1: $2" ] || explain "$1: $stderr"
        [ ! -e no.h5 ]
    done
}

@test "what is no weights is named, whatever it is called" {
    kinds="expected weights: safetensors, a checkpoint of PyTorch, an ONNX model or a va.model/1 file"
    for name in w.pth w.safetensors w.bin; do
        printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 343249461\n' >$name
        refused $name "found a Git LFS pointer (fetch the file itself: git lfs pull), $kinds"
        printf '\n <!DOCTYPE html><html><body>Too large to scan for viruses</body></html>\n' >$name
        refused $name "found an HTML page, $kinds; download the file itself"
        echo '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>' >$name
        refused $name "found an XML document, $kinds; download the file itself"
        echo "Entry not found" >$name
        refused $name "found a text, $kinds; download the file itself"
        echo '{"error": "Repository not found"}' >$name
        refused $name "found a JSON text, $kinds; download the file itself"
        gzip -n <tiny.safetensors >$name
        refused $name "found gzip data (unpack it first), $kinds"
        printf '\200\4}\224.' >$name
        refused $name "found a Python pickle, $kinds"
        printf '\x93NUMPY\1\0v\0{' >$name
        refused $name "found a NumPy array, $kinds"
        : >$name
        refused $name "file is empty, expected weights"
    done
}

@test "lengths of headers that begin like another kind of file" {
    # 0x8b1f is how gzip begins, 0x4d42 is BM
    for n in 35615 19778; do
        cp tiny.safetensors s.safetensors
        head=$(header s.safetensors)
        rewrite s.safetensors "$(printf "%-${n}s" "$head")" 0
        imported s.safetensors
    done
}

@test "heads are left out by their names, others by --drop" {
    add tiny.safetensors classifier.weight F32 8,192 6144
    add tiny.safetensors au_head.fc.bias F32 12 48
    run -0 --separate-stderr imported tiny.safetensors
    [ "$stderr" = "va-weights: tiny.safetensors: left out 2 tensors of heads: classifier.weight, au_head.fc.bias" ]
    add tiny.safetensors neck.0.weight F32 3 12
    add tiny.safetensors neck.0.bias F32 3 12
    add tiny.safetensors age F32 1 4
    run -3 --separate-stderr va-weights import -q -o no.h5 tiny.safetensors
    [ "$stderr" = "va-weights: tiny.safetensors: neck.0.weight: unknown tensor of shape 3, expected none of this name; neck.0.bias: unknown tensor of shape 3, expected none of this name; age: unknown tensor of shape 1, expected none of this name: va-weights import --drop NAME leaves a tensor out" ]
    run -0 --separate-stderr imported tiny.safetensors --drop 'neck.*' --drop 'a?e'
    [ "${stderr_lines[0]}" = "va-weights: tiny.safetensors: --drop neck.*: left out neck.0.weight, neck.0.bias" ]
    [ "${stderr_lines[1]}" = "va-weights: tiny.safetensors: --drop a?e: left out age" ]
    run -3 --separate-stderr va-weights import --drop 'neck.*' --drop 'nek.*' -o no.h5 tiny.safetensors
    [ "${stderr_lines[-1]}" = "va-weights: tiny.safetensors: --drop nek.*: matches no tensor of floating point, expected one like cls_token" ]
    run -3 --separate-stderr va-weights import -q --drop 'blocks.1.*' -o no.h5 tiny.safetensors
    [ ! -e no.h5 ]
}

@test "two encoders: --from says which" {
    prefix tiny.safetensors teacher.backbone.
    imported tiny.safetensors
    add tiny.safetensors student.backbone.patch_embed.proj.weight F32 1,3,1,1 12
    run -3 --separate-stderr va-weights import -o no.h5 tiny.safetensors
    [ "$stderr" = "va-weights: tiny.safetensors: found several encoders, choose one: --from teacher.backbone, --from student.backbone" ]
    imported tiny.safetensors --from teacher.backbone
    imported tiny.safetensors --from teacher
    imported tiny.safetensors --drop 'student.*'
    va-weights info --from student tiny.safetensors | grep -q $'^tensor\tbackbone.patch_embed.proj.weight\t'
    run -3 --separate-stderr va-weights import --from teach -o no.h5 tiny.safetensors
    [ "$stderr" = "va-weights: tiny.safetensors: found no tensor below 'teach', expected names that begin with it" ]
    prefix tiny.safetensors module.
    imported tiny.safetensors --from teacher.backbone
    [ ! -e no.h5 ]
}

@test "numbers of other types beside an encoder, and within its prefix" {
    add tiny.safetensors position_ids I64 1,5 40
    run -0 --separate-stderr imported tiny.safetensors
    [ "$stderr" = "va-weights: tiny.safetensors: left out 1 tensors that are not of floating point" ]
    add tiny.safetensors num_batches_tracked I32 "" 4
    add tiny.safetensors flags U8 3 3
    for type in BOOL:1 I8:1 I16:2 U16:2 U32:4 U64:8 C64:8 F8_E8M0:1; do
        add tiny.safetensors "mask.${type%:*}" "${type%:*}" 2 $((2 * ${type#*:}))
    done
    add tiny.safetensors packed F4 6 3
    run -0 --separate-stderr imported tiny.safetensors
    [ "${stderr_lines[0]}" = "va-weights: tiny.safetensors: left out 9 tensors of other types than floating point, U8, I32 and I64" ]
    [ "${stderr_lines[1]}" = "va-weights: tiny.safetensors: left out 3 tensors that are not of floating point" ]
    prefix tiny.safetensors vit.
    imported tiny.safetensors
    add tiny.safetensors audio.scale F8_E4M3 2 2
    imported tiny.safetensors
}

@test "a weight of 8 bits becomes float32; a weight of whole numbers is refused" {
    n=$(va-weights info tiny.safetensors | awk '$2 == "norm.bias" { print $3 }')
    head=$(header tiny.safetensors | sed 's/"norm.bias"/"old.bias"/')
    rewrite tiny.safetensors "$head" 0
    cp tiny.safetensors whole.safetensors
    add tiny.safetensors norm.bias F8_E5M2 "$n" "$n"
    va-weights import -q --drop old.bias -o m.h5 tiny.safetensors
    [ "$(va-weights info m.h5 | awk '$2 == "norm.bias"')" = "tensor	norm.bias	$n	float32	0" ]
    add whole.safetensors norm.bias U8 "$n" "$n"
    run -3 --separate-stderr va-weights import -q --drop old.bias -o no.h5 whole.safetensors
    [ "$stderr" = "va-weights: whole.safetensors: norm.bias: type uint8, expected floating point" ]
}

@test "objects beside the tensors of a checkpoint are skipped, and never run" {
    make_pth objects o.pth
    run -0 --separate-stderr va-weights info o.pth
    [ "${lines[0]}" = $'tensor\tw\t2x3\tfloat32\t15' ]
    [ "$stderr" = "va-weights: o.pth: took the tensors of 'state_dict'
va-weights: o.pth: found an object of datetime.date among the tensors: skipped, as all objects are" ]
    run -3 --separate-stderr va-weights info --from all o.pth
    [ "$stderr" = "va-weights: o.pth: all: found a list, expected a dict of tensors" ]
    [ ! -e owned ]
}

@test "a checkpoint with dicts under names of its own: --from says which" {
    make_pth two t.pth
    run -3 --separate-stderr va-weights info t.pth
    [ "$stderr" = "va-weights: t.pth: found no dict of tensors under a usual name, choose one: --from student, --from teacher" ]
    va-weights info --from student t.pth | grep -q $'^tensor\tw\t2x3'
    va-weights info --from teacher.inner t.pth | grep -q $'^tensor\tw\t2\t'
}

@test "an export under an ending that means another format" {
    for name in m.pth m.pt m.onnx m.pt2 m.bin dir.pth/m.h5; do
        run -2 --separate-stderr va-weights export -o $name tiny.h5
        [ "$stderr" = "va-weights: --output $name: found the extension of another format: write OUT.safetensors, which PyTorch loads with safetensors.torch.load_file(\"OUT.safetensors\") (try --help)" ]
        [ ! -e $name ]
    done
    mkdir v1.2
    va-weights export -o a.st tiny.h5 # an ending that means nothing
    cmp a.st tiny.safetensors
    va-weights export -o v1.2/plain tiny.h5
    cmp v1.2/plain tiny.safetensors
}
