#!/bin/sh
# End what up.sh began in DIR, by process ids: down.sh DIR; or node K alone, with all that runs on it: down.sh DIR K
set -u
if [ $# -eq 1 ]; then
    set -- "$1"/n*.pid "$1/head.pid" "$1/munged.pid"
else
    set -- "$1/n$2.pid"
fi
for file; do
    [ -s "$file" ] || continue
    pid=$(cat "$file") name=$(basename "$file" .pid)
    kill -KILL "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    case $name in
    n*)
        ip link del "v${name#n}" 2>/dev/null
        ip route add unreachable "10.231.0.1${name#n}" # else it takes others some seconds to find out
        ;;
    head) ip link del cluster ;;
    esac
    rm "$file"
done
