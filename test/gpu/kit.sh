#!/usr/bin/env bash
# test/gpu/kit.sh KIT LIBRARY PROGRAM... - puts programs into KIT/bin, the GPU's library and those of this system that the
# programs use into KIT/lib, recorded values into KIT/test/golden; all of it as kit.tar.gz, which on-gpu.sh beside it
# unpacks. At most 60 MiB.
set -eu
kit=$1 library=$2
shift 2
rm -rf "$kit" && mkdir -p "$kit/bin" "$kit/lib" "$kit/test"
cp "$@" "$kit/bin"
cp "$library" "$kit/lib/libvacuda.so"
# The C library, and what belongs to it, is the other machine's.
ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(ld-linux|libc|libm|libdl|libpthread|librt|libresolv)[-.]' | xargs -r cp -L -t "$kit/lib"
strip --strip-unneeded "$kit"/lib/*.so* 2>/dev/null || true
cp -r "$(dirname "$0")/../golden" "$kit/test/golden"
cp "$(dirname "$0")"/{curve.sh,peers.py} "$kit"
tar -C "$kit" -czf "$kit.tar.gz" bin lib test curve.sh peers.py
rm -rf "$kit" && mkdir "$kit"
mv "$kit.tar.gz" "$kit/kit.tar.gz"
cp "$(dirname "$0")/on-gpu.sh" "$kit"
size=$(du -sm "$kit" | cut -f 1)
echo "gpu-kit: $kit, $size MiB"
[ "$size" -le 60 ] || { echo "gpu-kit: expected 60 MiB at most" >&2; exit 1; }
