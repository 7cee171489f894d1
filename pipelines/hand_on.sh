# shellcheck shell=sh
# For scripts that start a command and have to do something after it: hand_on COMMAND ARGS...
#
# Runs it, hands on what ends this shell, and returns its exit code.
hand_on() {
    "$@" &
    pid=$!
    trap 'kill -TERM $pid 2>/dev/null' TERM HUP INT # of a command in the background INT is ignored
    wait $pid
    code=$?
    while kill -0 $pid 2>/dev/null; do # a signal ended the waiting, not the command
        wait $pid
        code=$?
    done
    return $code
}
