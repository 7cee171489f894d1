#!/bin/sh
# One task of a stage, for a scheduler: job.sh FOLDER STAGE THREADS [BEFORE]
#
# FOLDER is what va-jobs(1) wrote: `command` goes to the folder of the work and sets the words of make, STAGE has a
# line for each task, the files that it makes. All tasks of the stage BEFORE have to be done: not every scheduler sees
# to it. A task that is begun again goes on. Told that its time is nearly over (USR1), or to stop, it lets make stop,
# and trainings with a checkpoint; for USR1 it asks to be queued again.
set -u
folder=$1 stage=$2 threads=$3 before=${4:-}
task=${VA_TASK:-${SLURM_ARRAY_TASK_ID:-${PBS_ARRAY_INDEX:-${SGE_TASK_ID:-1}}}}
[ "$task" != undefined ] || task=1
[ -z "${VA_TASK:-}" ] || exec >>"$folder/log/$stage.$task" 2>&1

# shellcheck source=pipelines/hand_on.sh
. "$(dirname "$0")/hand_on.sh"
state() { echo "$*" >"$folder/state/.$stage.$task.$$" && mv "$folder/state/.$stage.$task.$$" "$folder/state/$stage.$task"; }
late='' pid=''
trap 'late=yes; kill -TERM $pid 2>/dev/null' USR1

# shellcheck source=/dev/null
. "$folder/command" # cd, set --
for word; do case $word in VA_WAIT=*) VA_WAIT=${word#*=} ;; esac; done
goals=$(sed -n "${task}p" "$folder/$stage")
[ -n "$goals" ] || { echo "$folder/$stage: found no task $task" >&2; exit 4; }
finished() { for t in $(seq "$(wc -l <"$folder/$1")"); do grep -qx 'done' "$folder/state/$1.$t" 2>/dev/null || return; done; }
if [ -n "$before" ]; then
    for _ in $(seq "${VA_WAIT:-10}"); do if finished "$before"; then break; fi; sleep 1; done # another machine wrote that
    finished "$before" || { echo "$stage $task: not all tasks of $before are done" >&2; state failed 4; exit 4; }
fi
state running "${SLURMD_NODENAME:-$(uname -n)}"
# In the process group of va-jobs, make and its commands would be told twice to stop, which ends them without a checkpoint.
apart=''
[ -z "${VA_TASK:-}" ] || apart=setsid
# shellcheck disable=SC2086 # names of files have no blanks here
hand_on $apart "$@" THREADS="$threads" $goals
code=$?
if [ $code -eq 0 ]; then
    state 'done'
elif [ -n "$late" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ] && command -v scontrol >/dev/null; then
    state waiting
    echo "$stage $task: its time is over: queued again, it goes on" >&2
    scontrol requeue "$SLURM_JOB_ID" && sleep 60
elif [ $code -eq 143 ]; then
    state waiting # told to stop: the scheduler queues it again, or somebody has cancelled it
else
    state failed $code
    echo "$stage $task: make ended with exit code $code: va-jobs status gives the reason; va-jobs submit continues" >&2
fi
exit $code
