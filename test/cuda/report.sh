#!/usr/bin/env bash
# test/cuda/report.sh FILE.ptxas... - a line for each kernel and architecture: registers, bytes of shared memory that the
# compiler gives, of stack, and spilled. Ends with 1 where one has a stack or spills.
set -u
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
        print name, arch, registers, shared, stack, spilled
        name = ""
    }' | c++filt | sed 's/^void //; s/(va_[a-z]*)//g; s/(.*)//' | sort -u | awk '
    BEGIN { printf "%-60s %-6s %9s %7s %6s %8s\n", "kernel", "arch", "registers", "shared", "stack", "spilled" }
    { n = NF; name = $1; for (i = 2; i <= n - 5; i++) name = name " " $i
      printf "%-60s %-6s %9s %7s %6s %8s\n", name, $(n - 4), $(n - 3), $(n - 2), $(n - 1), $n
      if ($(n - 1) > 0 || $n > 0) bad = 1 }
    END { exit bad }'
