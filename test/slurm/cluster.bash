# shellcheck shell=bash
# What the bats files of this folder share: a cluster of three nodes for a file of tests, and what happens to it.
#
#   bring_up, bring_down   for setup_file, teardown_file; bring_up sets `lacking`, a reason to skip, else empty
#   calm                   for teardown: nothing runs on, and no node is down, in the next test
#   until_there FILE       wait for a file
#   until_empty            wait until no job is left
#   hold OUTPUT [LOG]      the training of this file stands still after some steps, until Slurm tells it to end; LOG: its
#                          train.tsv, if that is not beside it
#   fell TOOL TEXT         the node that runs this command goes down in the midst of it; `node` gets its number
#   down NODE              wait until the cluster has seen that the node is down
#
# PATIENCE: seconds after which waiting fails. Tests write to `log`, which is shown then.
PATIENCE=90

bring_up() {
    local tool
    export here=$BATS_TEST_DIRNAME top=$BATS_TEST_DIRNAME/../.. SLURM_CONF=/run/cluster/slurm.conf lacking=
    [ -n "${VA_CLUSTER:-}" ] || lacking="not root, or no namespaces here (make check-slurm)"
    for tool in slurmctld slurmd srun munged ip; do
        command -v $tool >/dev/null || lacking="no $tool here (make deps WITH=slurm)"
    done
    [ -n "$lacking" ] || "$here/up.sh" /run/cluster 3
}
bring_down() { [ ! -e /run/cluster ] || "$here/down.sh" /run/cluster; }

calm() {
    [ -z "$lacking" ] || return 0
    scancel -u root
    wait
    [ -z "${node:-}" ] || "$here/up.sh" /run/cluster back "$node"
}

# wait_for COMMAND...: until it succeeds
wait_for() {
    local end=$((SECONDS + PATIENCE))
    until "$@"; do
        [ $SECONDS -lt $end ] || explain "waited in vain for: $*: $(squeue; sinfo -N -l; cat log)" || return 1
        sleep 0.02
    done
}

until_there() { wait_for test -e "$1"; }
is_empty() { [ -z "$(squeue -h)" ]; }
until_empty() { wait_for is_empty; }

found() { pid=$(pgrep -o -f -- "^$BUILD/bin/$1"); }
has_steps() { [ "$(wc -l 2>/dev/null <"$1" || echo 0)" -gt 12 ]; }
hold() {
    local pid
    wait_for has_steps "${2:-${1%/*}/train.tsv}" && found "va-[a-z-]* .*-o $1" && kill -STOP "$pid"
}
fell() {
    local pid
    wait_for found "$1 .*$2" && kill -STOP "$pid" || return
    node=$(nsenter --uts -t "$pid" hostname)
    node=${node#n}
    "$here/down.sh" /run/cluster "$node"
}
is_down() { [ -n "$(sinfo -h -N -n "n$1" -t down -o %N)" ]; }
down() { wait_for is_down "$1"; }
