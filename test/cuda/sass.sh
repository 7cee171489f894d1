#!/usr/bin/env bash
# test/cuda/sass.sh LIBRARY ARCH [NVCC] - what the disassembly of a library of kernels says (sass.awk), names as people write
# them. Where there is no cuobjdump, or it finds no kernels of ARCH (sm_90), ends with 1 and says why. Looked for on PATH,
# beside nvcc, in CUDA_HOME and in packages of the Python PY (it needs nvdisasm beside it).
set -u
here=$(dirname "$0") library=$1 arch=$2 nvcc=${3:-}

# Every place, best first.
candidates() {
    command -v cuobjdump
    ls "${nvcc:+$(dirname "$nvcc")/cuobjdump}" "${CUDA_HOME:-/usr/local/cuda}/bin/cuobjdump" 2>/dev/null
    "${PY:-python3}" -c 'import sys; print(*sys.path, sep="\n")' 2>/dev/null | while read -r folder; do
        ls "$folder"/triton/backends/nvidia/bin/cuobjdump "$folder"/nvidia/cu*/bin/cuobjdump 2>/dev/null
    done
}

disassembler=${CUOBJDUMP:-$(candidates | head -n 1)}
if [ -z "$disassembler" ]; then
    echo "no cuobjdump found (CUOBJDUMP=/path/cuobjdump; NVIDIA's toolkit, or pip: nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm)" >&2
    exit 1
fi
found=$("$disassembler" -sass -arch "$arch" "$library" 2>&1 | awk -f "$here"/sass.awk | c++filt |
    sed 's/\tvoid /\t/; s/(va_[a-z]*)//g; s/([^\t]*)//')
if [ -z "$found" ]; then
    echo "$disassembler found no kernels of $arch in $library" >&2
    exit 1
fi
echo "$found"
