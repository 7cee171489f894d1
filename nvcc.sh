#!/bin/sh
# Which CUDA compiler there is: nvcc.sh state|path [WANTED [BUILD]]; and nvcc.sh fetch BUILD, which gets one
# from PyPI, with the headers and the runtime that it needs, into BUILD/nvcc.
# WANTED is a compiler (/opt/cuda/bin/nvcc); no or off: none; yes or on: one has to be there; empty: one if it
# is there: on PATH, below CUDA_HOME, below /usr/local/cuda, or the one that was fetched.
set -u
cd "$(dirname "$0")" || exit 1
ask=${1:-state} wanted=${2-} build=${3:-build}
oldest=12.4 fetched=13.0

if [ "$ask" = fetch ]; then
    folder=${2:-build}/nvcc
    if [ -x "$folder"/nvidia/cu13/bin/nvcc ]; then
        echo "deps: $folder is there"
        exit 0
    fi
    rm -rf "$folder"
    if ! python3 -m pip install -q --no-deps --only-binary :all: --root-user-action ignore --target "$folder" \
        "nvidia-cuda-nvcc==$fetched.*" "nvidia-cuda-crt==$fetched.*" "nvidia-nvvm==$fetched.*" \
        "nvidia-cuda-runtime==$fetched.*" "nvidia-cuda-cccl==$fetched.*"; then
        rm -rf "$folder"
        echo "deps: pip cannot fetch the CUDA compiler: install NVIDIA's toolkit $oldest or newer" >&2
        exit 1
    fi
    echo "deps: fetched $folder"
    exit 0
fi

case $wanted in
no | off) set -- ;;
'' | yes | on) set -- nvcc "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" /usr/local/cuda/bin/nvcc "$build"/nvcc/nvidia/cu13/bin/nvcc ;;
*) set -- "$wanted" ;;
esac
# Nothing but a program with nvcc in its name is run; make takes its path as one word.
is_compiler() {
    case ${1##*/} in -* | *[!A-Za-z0-9._+-]*) return 1 ;; *nvcc*) ;; *) return 1 ;; esac
    case $1 in *[!A-Za-z0-9._+/-]*) return 1 ;; */*) [ -f "$1" ] && [ -x "$1" ] ;; *) command -v "$1" >/dev/null 2>&1 ;; esac
}

found='' version='' why=''
for name; do
    is_compiler "$name" || continue
    path=$(command -v "$name")
    version=$("$path" --version 2>/dev/null | sed -n 's/.*release \([0-9]*\.[0-9]*\).*/\1/p')
    [ -n "$version" ] || continue
    if [ "$(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1)" = "$oldest" ]; then
        found=$path
        break
    fi
    why="nvcc $version found, expected $oldest or newer"
done

case $ask.${found:+here} in
path.here) echo "$found" ;;
state.here) echo "on: nvcc $version" ;;
state.)
    : "${why:=no nvcc found (make deps WITH=cuda)}"
    case $wanted in
    '') echo "off: $why" ;;
    no | off) echo "off: CUDA=$wanted" ;;
    yes | on) echo "error: CUDA=$wanted, but $why" ;;
    *) printf 'off: %s: expected nvcc %s or newer\n' "$wanted" "$oldest" | LC_ALL=C tr -c 'A-Za-z0-9 :._+/,\n-' '?' ;;
    esac
    ;;
esac
