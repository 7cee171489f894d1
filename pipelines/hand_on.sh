# shellcheck shell=sh disable=SC2034 # of those who include it
# For scripts that start a command and have to do something after it: hand_on COMMAND ARGS...
#
# Runs it, hands on what ends this shell, and returns its exit code. `told` is set when there was something to hand on.
hand_on() {
    told=
    "$@" &
    pid=$!
    trap 'told=yes; kill -TERM $pid 2>/dev/null' TERM HUP INT # of a command in the background INT is ignored
    wait $pid
    code=$?
    while kill -0 $pid 2>/dev/null; do # a signal ended the waiting, not the command
        wait $pid
        code=$?
    done
    return $code
}
