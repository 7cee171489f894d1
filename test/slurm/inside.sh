#!/bin/sh
# Run a command where a cluster may be brought up: inside.sh COMMAND ARGS...
#
# It gets namespaces of its own of processes, network, mounts and host name. They end with it, and with this script: nothing
# is left behind, even by a SIGKILL. /run is new and empty there, and has the temporary files. Where this machine has
# no such thing, the command runs as it is, without VA_CLUSTER.
alone="unshare --pid --net --uts --ipc --mount-proc --kill-child"
# shellcheck disable=SC2086 # a list of words
$alone mount -t tmpfs none /run 2>/dev/null || exec "$@"

# shellcheck disable=SC2016,SC2086 # the shell in there expands it
setpriv --pdeathsig KILL $alone sh -c '
    mount -t tmpfs none /run && ip link set lo up && hostname head && export VA_CLUSTER=yes TMPDIR=/run || exit
    "$@"
    exit $?' inside.sh "$@" & # its first process has to stay, and to wait for orphans
pid=$!
trap 'kill -KILL $pid' INT TERM HUP
wait $pid
