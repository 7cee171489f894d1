#!/bin/sh
# Which MPI library there is: mpi.sh state|cflags|libs [WANTED]
# WANTED is what pkg-config calls it (mpich), or its compiler (mpicc, /opt/mpi/bin/mpicc); no or off: none;
# yes or on: one has to be there; empty: one if it is there. Nothing but a compiler with mpi and c in its
# name is run.
set -u
cd "$(dirname "$0")" || exit 1
ask=${1:-state} wanted=${2-}
case $wanted in
no | off) names= ;;
'' | yes | on) names='ompi-c mpi-c mpich mpicc' ;;
*) names=$wanted ;;
esac

is_compiler() {
    case ${1##*/} in -* | *[!A-Za-z0-9._+-]*) return 1 ;; *mpi*c*) ;; *) return 1 ;; esac
    case $1 in */*) [ -f "$1" ] && [ -x "$1" ] ;; *) command -v "$1" >/dev/null 2>&1 ;; esac
}

found=
set -f
if [ "$names" = "$wanted" ]; then set -- "$wanted"; else # shellcheck disable=SC2086
    set -- $names
fi
for name; do
    case $name in '' | -* | *[!A-Za-z0-9._+-]*) ;; *) ! pkg-config --exists "$name" 2>/dev/null || found=package ;; esac
    [ -n "$found" ] || ! is_compiler "$name" || found=compiler
    [ -z "$found" ] || break
done

case $found.$ask in
package.state) echo "on: $name $(pkg-config --modversion "$name")" ;;
package.cflags) pkg-config --cflags "$name" ;;
package.libs) pkg-config --libs "$name" ;;
compiler.state) echo "on: $name" ;;
# Open MPI's compiler, then MPICH's, whose answer begins with the compiler it calls
compiler.cflags) "$name" --showme:compile 2>/dev/null || "$name" -compile_info | sed 's/^[^ ]* //' ;;
compiler.libs) "$name" --showme:link 2>/dev/null || "$name" -link_info | sed 's/^[^ ]* //' ;;
.state)
    case $wanted in
    '') echo "off: no MPI library found (make deps WITH=mpi)" ;;
    no | off) echo "off: MPI=$wanted" ;;
    yes | on) echo "error: MPI=$wanted, but no MPI library found (make deps WITH=mpi)" ;;
    *) printf 'off: %s not found\n' "$wanted" | LC_ALL=C tr -c 'A-Za-z0-9 :._+/\n-' '?' ;;
    esac
    ;;
esac
