#!/usr/bin/env bash
# A stand-in for qsub of DIALECT pbs (PBS Professional, OpenPBS: qsub(1B)) or sge (Grid Engine: submit(1)). It runs the tasks
# at once, in order, as these manuals say, and refuses what they do not have. STATE is its folder: calls, numbers, failures.
set -u
shopt -s extglob
refuse() { echo "qsub: $*" >&2 && exit 1; }
declare -A said=()
# options WITH WITHOUT WORDS...: `said` gets the options with and without an argument, `words` what follows them
options() {
    local with=" $1 " without=" $2 "
    shift 2
    while [[ ${1:-} == -* && $1 != -- ]]; do
        if [ "$1" = -pe ]; then
            said[-pe]="$2 $3"
            shift 2
        elif [[ $with == *" $1 "* ]]; then
            said[$1]="${said[$1]:+${said[$1]},}$2"
            shift
        elif [[ $without == *" $1 "* ]]; then
            said[$1]=yes
        else
            refuse "unknown option $1"
        fi
        shift
    done
    words=("$@")
}
# shellcheck disable=SC2053 # a pattern, of extglob
matches() { [[ ${said[$1]:-} == $2 ]] || refuse "$1 ${said[$1]:-}: expected $2"; }
job() { # job TASK FILE: without -V, PATH is that of a login
    local environment=(env)
    [ "${said[-V]:-}" ] || environment=(env -i HOME="$HOME" PATH=/usr/bin:/bin)
    "${environment[@]}" "$variable=$1" "${words[@]}" >"$2" 2>&1 </dev/null || touch "$STATE/failed.$number"
}

printf '%s\n' "${*@Q}" >>"$STATE/calls"
number=$(($(cat "$STATE/number" 2>/dev/null || echo 100) + 1))
echo $number >"$STATE/number"
if [ "$DIALECT" = pbs ]; then
    options "-N -r -j -l -o -J -W" "-V" "$@"
    [ "${words[0]:-}" = -- ] || refuse "expected -- and a program"
    words=("${words[@]:1}")
    matches -r y
    matches -j oe
    matches -l 'select=1:ncpus=+([0-9]):mem=+([0-9])mb,walltime=+([0-9]):[0-5][0-9]:00'
    variable=PBS_ARRAY_INDEX first=1 last=1 id=$number.server
    if [ "${said[-J]:-}" ]; then
        matches -J '+([0-9])-+([0-9])'
        first=${said[-J]%-*} last=${said[-J]#*-} id="${number}[].server"
        [ "$first" -lt "$last" ] || refuse "illegal -J value"
    else
        variable=NONE
    fi
    echo "$id" >"$STATE/id.$number"
    if [ "${said[-W]:-}" ]; then
        matches -W 'depend=afterok:+([0-9])?(\[\]).server'
        before=${said[-W]#*:}
        [ "$(cat "$STATE/id.${before%%[!0-9]*}" 2>/dev/null)" = "$before" ] || refuse "$before: unknown job"
        ! [ -e "$STATE/failed.${before%%[!0-9]*}" ] || { touch "$STATE/failed.$number" && echo "$id" && exit; } # deleted
    fi
    cd "$STATE/home" || exit
    for k in $(seq "$first" "$last"); do # files are copied to their places at the end
        job "$k" "$STATE/spool"
        cp "$STATE/spool" "${said[-o]//^array_index^/$k}"
    done
else
    options "-b -shell -N -r -j -l -t -o -hold_jid" "-V -terse -cwd" "$@"
    matches -b y
    matches -r y
    matches -j y
    matches -t '1-+([0-9])'
    matches -pe 'smp +([0-9])'
    matches -l 'h_vmem=+([0-9])M,h_rt=+([0-9])'
    [ "${said[-terse]:-}" ] || refuse "prints a sentence"
    [ "${said[-shell]:-}" = n ] || words=(/bin/sh -c "${words[*]}") # words are words of a shell once more
    variable=SGE_TASK_ID last=${said[-t]#*-} id=$number.${said[-t]}:1
    case ${said[-hold_jid]:-1} in *[!0-9,]*) refuse "-hold_jid ${said[-hold_jid]}: expected numbers" ;; esac
    [ "${said[-cwd]:-}" ] || cd "$STATE/home" || exit
    memory=${said[-l]#h_vmem=} slots=${said[-pe]#* }
    ulimit -v $((${memory%%M*} * 1024 * slots)) # of the address space
    for k in $(seq "$last"); do # also when the job before has failed
        job "$k" "${said[-o]//\$TASK_ID/$k}"
    done
fi
echo "$id"
