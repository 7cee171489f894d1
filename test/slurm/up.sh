#!/bin/bash
# A Slurm cluster on this machine, in what inside.sh gives: up.sh DIR NODES, and up.sh DIR back K for node K that was down
#
# DIR gets its files: export SLURM_CONF=DIR/slurm.conf. Node K (1, 2, ...) is called nK. It has one core, and
# namespaces of its own. down.sh ends nodes and cluster.
set -eu
[ "${VA_CLUSTER:-}" = yes ] || { echo "up.sh: expected to run in test/slurm/inside.sh" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/state" "$1/spool" "$1/own" /run/munge
dir=$(cd "$1" && pwd)
export SLURM_CONF=$dir/slurm.conf

# daemon NAME COMMAND...: in the background, its process in DIR/NAME.pid
daemon() {
    "${@:2}" </dev/null >"$dir/$1.out" 2>&1 3>&- &
    echo $! >"$dir/$1.pid"
}

# Debian's slurmd cannot be several nodes of one network. PMIx of each node needs a folder that others do not see.
node() {
    # shellcheck disable=SC2016 # the shell in there expands it
    daemon "n$1" unshare --pid --net --uts --ipc --mount-proc --kill-child sh -c '
        hostname "n$1" && mount -t tmpfs none "$2" && ip link set lo up || exit
        until ip addr add "10.231.0.1$1/24" dev eth0 2>/dev/null; do sleep 0.05; done
        ip link set eth0 up && exec slurmd -D -N "n$1"' node "$1" "$dir/own"
    until inside=$(pgrep -P $!); do sleep 0.05; done
    ip link add "v$1" type veth peer name eth0 netns "$inside"
    ip link set "v$1" master cluster up
}

idle() { # idle NODES...: wait until they are
    for _ in $(seq 150); do
        [ "$(sinfo -h -N -p work -n "$1" -t idle -o %N 2>/dev/null | wc -l)" -lt "$2" ] || return 0
        sleep 0.2
    done
    echo "up.sh: $1: expected $2 nodes that are idle, found: $(sinfo -h -N -o '%N %T %E' 2>&1)" >&2
    return 1
}

if [ "$2" = back ]; then
    ip route del unreachable "10.231.0.1$3"
    node "$3"
    idle "n$3" 1
    exit
fi
{
    sed "s|@DIR@|$dir|g" "$here/slurm.conf.in"
    for k in $(seq "$2"); do echo "NodeName=n$k NodeAddr=10.231.0.1$k CPUs=1 RealMemory=16000"; done
} >"$SLURM_CONF"
echo "PMIxCliTmpDirBase=$dir/own" >"$dir/mpi.conf"
(umask 077 && head -c 1024 /dev/urandom >"$dir/munge.key")
daemon munged munged --foreground --force --key-file="$dir/munge.key" --pid-file="$dir/munged.id" \
    --log-file="$dir/munged.log" --seed-file="$dir/munge.seed"
ip link add cluster type bridge
ip addr add 10.231.0.1/24 dev cluster
ip link set cluster up
until [ -S /run/munge/munge.socket.2 ]; do kill -0 $!; sleep 0.05; done
daemon head slurmctld -D
for k in $(seq "$2"); do node "$k"; done
idle "n[1-$2]" "$2"
