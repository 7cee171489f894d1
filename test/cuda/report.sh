#!/usr/bin/env bash
# test/cuda/report.sh BUILD FILE.ptxas... - what each kernel takes of a multiprocessor, a line for each kernel and architecture:
# registers, bytes of shared memory that the compiler gives, of stack, and spilled. Ends with 1 where one has a stack or spills.
#
# Then, of sm_90, where there is a disassembly (BUILD/cuda/sass.tsv): threads of a block and its shared memory as the unit tests
# launch the kernel (BUILD/cuda/launches; -: they do not), how many warps of the 64 of a multiprocessor that leaves, and, a
# line each, the three largest loops without others inside: instructions of a pass by kind.
set -u
build=$1
shift

registers() {
    cat "$@" | awk '
    /Compiling entry function/ {
        split($0, quoted, "\047"); name = quoted[2]; arch = quoted[4]
    }
    /bytes stack frame/ {
        stack = spilled = 0
        for (i = 1; i < NF; i++) {
            if ($(i + 1) == "bytes" && $(i + 2) == "stack") stack = $i
            if ($(i + 1) == "bytes" && $(i + 2) == "spill") spilled += $i
        }
    }
    /Used [0-9]+ registers/ && name != "" {
        registers = shared = 0
        for (i = 2; i <= NF; i++) {
            if ($i ~ /^registers/) registers = $(i - 1)
            if ($i == "bytes" && $(i + 1) ~ /^smem/) shared = $(i - 1)
        }
        print name "\t" arch "\t" registers "\t" shared "\t" stack "\t" spilled
        name = ""
    }' | c++filt | sed 's/^void //; s/(va_[a-z]*)//g; s/([^\t]*)//' | sort -u
}

# NAME THREADS SHARED, between tabs: the most of each kernel. An address is that of a symbol of the library.
launches() {
    [ -f "$build"/cuda/launches ] || return
    nm "$build"/emu/plain/libvacuda.so | awk '{ print $1 "\t" $3 }' | c++filt |
        sed 's/\tvoid /\t/; s/(va_[a-z]*)//g; s/([^\t]*)//; s/^0*//' |
        awk -F'\t' 'NR == FNR { split($0, l, " "); threads[l[1]] = l[2] > threads[l[1]] ? l[2] : threads[l[1]]
                         shared[l[1]] = l[3] > shared[l[1]] ? l[3] : shared[l[1]]; next }
                    $1 in threads { print $2 "\t" threads[$1] "\t" shared[$1] }' "$build"/cuda/launches -
}

status=0
registers "$@" | awk -F'\t' '
    BEGIN { printf "%-90s %-6s %9s %7s %6s %8s\n", "kernel", "arch", "registers", "shared", "stack", "spilled" }
    { printf "%-90s %-6s %9s %7s %6s %8s\n", $1, $2, $3, $4, $5, $6 }
    $5 > 0 || $6 > 0 { bad = 1 }
    END { exit bad }' || status=1
[ -s "$build"/cuda/sass.tsv ] || exit $status

# Warps that fit: registers come in 256s a warp, shared memory has 1 KiB more a block; of sm_90: 65,536 and 227 KiB.

{
    registers "$@" | awk -F'\t' '$2 == "sm_90" { print "registers\t" $1 "\t" $3 "\t" $4 }'
    launches | sed 's/^/launch\t/'
    cat "$build"/cuda/sass.tsv
} | awk -F'\t' '
    $1 == "registers" { registers[$2] = $3; given[$2] = $4 }
    $1 == "launch" { threads[$2] = $3; shared[$2] = $4 }
    $1 == "kernel" { if (!($2 in seen)) names[++count] = $2; seen[$2] }
    $1 == "loop" && $3 > 0 {
        all = 0; line = ""
        for (i = 5; i <= NF; i++) { all += $i; line = line sprintf(" %7d", $i) }
        size[$2, $3] = all; text[$2, $3] = line; outer[$2, $4]
        if ($3 > last[$2]) last[$2] = $3
    }
    # Registers come in 256s for a warp; a block takes 1 KiB of shared memory beside its own: 65,536 and 228 KiB in all.
    function warps(name,    per, blocks, most) {
        if (!(name in threads)) return "-"
        per = int((threads[name] + 31) / 32)
        blocks = int(64 / per)
        most = int(65536 / (per * int((registers[name] * 32 + 255) / 256) * 256))
        if (most < blocks) blocks = most
        most = int(233472 / (shared[name] + given[name] + 1024))
        if (most < blocks) blocks = most
        return (blocks < 32 ? blocks : 32) * per
    }
    function value(list, name) { return name in list ? list[name] : "-" }
    END {
        print "\n" "kernel of sm_90, and below: its loops"
        printf "%8s %9s %9s  fp32  tensor special  double  shared  global   store barrier integer   other\n", "threads", "shared", "warps"
        for (n = 1; n <= count; n++) {
            name = names[n]
            print name
            printf "%8s %9s %9s", value(threads, name), value(shared, name), warps(name)
            for (k = 0; k < 3; k++) {
                best = 0
                for (i = 1; i <= last[name]; i++)
                    if (size[name, i] > size[name, best] && !((name, i) in outer)) best = i
                if (!best) break
                printf "%s%s\n", k ? sprintf("%28s", "") : "", text[name, best]
                delete size[name, best]
            }
            if (k == 0) print ""
        }
    }'
exit $status
