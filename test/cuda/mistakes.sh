#!/usr/bin/env bash
# test/cuda/mistakes.sh EMU - who notices which seeded mistake. EMU: build/emu, with programs for the executor
# alone (plain), the sanitizers of addresses and of undefined behaviour (asan), and that of races (race).
# Ends with 1 where a mistake is noticed by nobody, or a right kernel by somebody.
set -u
cd "$(dirname "$0")/../.." || exit
emu=$1 log=$(mktemp) bad=0
trap 'rm -f "$log"' EXIT
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 report_thread_leaks=0" ASAN_OPTIONS=exitcode=65:detect_leaks=0
# The sanitizer of races wants its addresses where they are without randomisation.
still=()
! setarch -R true 2>/dev/null || still=(setarch -R)

# One word for each way of noticing it.
noticed() { # noticed MISTAKE
    local order got first='' status
    case $1 in
    outside_global | outside_member) ;; # would damage the process
    *)
        for order in forward reverse random:1 random:2; do
            got=$(VA_EMU_ORDER=$order "$emu/plain/mistakes" "$1" 2>>"$log")
            [ $? -ne 70 ] || echo executor
            [ "$got" = "${first:=$got}" ] || echo orders
            case $got in *nan*) echo nan ;; esac
        done
        ;;
    esac
    "$emu/asan/mistakes" "$1" >>"$log" 2>&1
    status=$?
    case $status in 1 | 65 | 134) echo addresses ;; esac
    "${still[@]}" "$emu/race/mistakes" "$1" >>"$log" 2>&1
    [ $? -ne 66 ] || echo races
}

while read -r mistake; do
    by=$(noticed "$mistake" | sort -u | paste -sd ' ')
    printf '%-22s %s\n' "$mistake" "$by"
    case $mistake.$by in right*.) ;; right*) bad=1 ;; *.) bad=1 ;; esac
done < <(sed -n 's/^    CASE(\([a-z_]*\),.*/\1/p' test/cuda/mistakes.cu)
exit $bad
