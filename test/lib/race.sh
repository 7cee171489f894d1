#!/usr/bin/env bash
# race.sh LIBRARY - bad use, four threads and two models (test/lib/client.c) under valgrind; and under the sanitizer of
# threads, with LIBRARY, which was built with it. BUILD has the library, and the tools and generators that make the models.
set -eu
cd "$(dirname "$0")/../.."
library=$(cd "$(dirname "$1")" && pwd) top=$PWD build=$(cd "${BUILD:-build}" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
PATH=$build/bin:$build/test/gen:$PATH "$top/test/lib/models.sh"
if command -v valgrind >/dev/null; then
    ${CC:-gcc} -std=c11 -g -I"$top/lib" -o plain "$top/test/lib/client.c" -L"$build/lib" -lmamba_va -pthread
    for words in bad "threads 3"; do
        # shellcheck disable=SC2086 # words
        LD_LIBRARY_PATH=$build/lib valgrind -q --vgdb=no --child-silent-after-fork=yes --error-exitcode=9 --leak-check=full ./plain $words >said 2>&1 ||
            { cat said && exit 1; }
        [ ! -s said ] || { cat said && exit 1; }
        echo "ok valgrind: $words"
    done
else
    echo "skip valgrind: there is none"
fi
${CC:-gcc} -std=c11 -g -fsanitize=thread -I"$top/lib" -o client "$top/test/lib/client.c" -L"$library" -lmamba_va -pthread
still=()
! setarch -R true 2>/dev/null || still=(setarch -R)
export LD_LIBRARY_PATH=$library TSAN_OPTIONS="halt_on_error=1 exitcode=66"
for helpers in 1 3; do
    "${still[@]}" ./client threads $helpers
    echo "ok threads $helpers"
done
