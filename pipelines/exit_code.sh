#!/bin/sh
# The exit code of a command, a line "CODE NAME" in a file if it is not 0: exit_code.sh FILE NAME COMMAND ARGS...
#
# Runs the command, hands on what ends this shell, and ends as it does. For video.mk.
set -u
file=$1 name=$2
shift 2
"$@" &
pid=$!
trap 'kill -TERM $pid 2>/dev/null' TERM HUP INT # of a command in the background INT is ignored
wait $pid
code=$?
while kill -0 $pid 2>/dev/null; do # a signal ended the waiting, not the command
    wait $pid
    code=$?
done
[ $code -eq 0 ] || echo "$code $name" >>"$file"
exit $code
