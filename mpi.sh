#!/bin/sh
# Which MPI library there is: mpi.sh state|cflags|libs [NAME]
# NAME: what pkg-config calls it, or its compiler (/opt/mpi/bin/mpicc), or no; empty: look for one.
set -u
cd "$(dirname "$0")" || exit 1
ask=${1:-state} wanted=${2:-}
found=
for name in ${wanted:-ompi-c mpi-c mpich mpicc}; do
    [ "$name" != no ] || break
    if pkg-config --exists "$name" 2>/dev/null; then
        found=package
    elif command -v "$name" >/dev/null 2>&1; then
        found=compiler
    fi
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
    no) echo "off: MPI=no" ;;
    *) echo "off: $wanted not found" ;;
    esac
    ;;
esac
