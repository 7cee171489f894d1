#!/usr/bin/env bash
# race.sh LIBRARY - four threads and two models (test/lib/client.c) under the sanitizer of threads, with a library that was
# built with it. BUILD has the tools and generators that make the models.
set -eu
cd "$(dirname "$0")/../.."
library=$(cd "$(dirname "$1")" && pwd) top=$PWD build=$(cd "${BUILD:-build}" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
PATH=$build/bin:$build/test/gen:$PATH "$top/test/lib/models.sh"
${CC:-gcc} -std=c11 -g -fsanitize=thread -I"$top/lib" -o client "$top/test/lib/client.c" -L"$library" -lmamba_va -pthread
still=()
! setarch -R true 2>/dev/null || still=(setarch -R)
export LD_LIBRARY_PATH=$library TSAN_OPTIONS="halt_on_error=1 exitcode=66"
for helpers in 1 3; do
    "${still[@]}" ./client threads $helpers
    echo "ok threads $helpers"
done
