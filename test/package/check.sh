#!/usr/bin/env bash
# Does what a packager and the user of a package would do, in fresh roots of Debian: make check-package. Minutes; needs
# root, debootstrap, a network and 3 GB below BUILD. PARTS="package library" runs these alone, in this order:
#
#   release    a release that was unpacked is built and tested, without git
#   package    its debian/ is built twice, without a network, in different places: equal packages; lintian is silent
#   install    mamba-va in a root that has its dependencies alone: demo by a user, weights, purge leaves nothing
#   library    libmamba-va1 and -dev in such a root with a compiler: debian/tests/library by a user, purge likewise; with
#              mamba-va: debian/tests/predict
#   image      %files, %post and %test of contrib/mamba-va.def
#
# BASE=/path is a root of Debian to begin with, in place of a new one of SUITE (bookworm) from MIRROR; it is copied.
# PACKAGES=/path is a folder of packages to install, where the part that builds them is left out.
# Roots have mounts of their own, in namespaces, so none is left when a command is killed.
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
PARTS=${PARTS:-release package install library image}
SUITE=${SUITE:-bookworm}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
BUILD=$(mkdir -p "${BUILD:-build}" && cd "${BUILD:-build}" && pwd)
export BUILD

skip() { echo "skip check-package: $*" && exit 0; }
[ "$(id -u)" -eq 0 ] || skip "needs root (chroot)"
command -v debootstrap >/dev/null || [ "${BASE-}" ] || skip "no debootstrap, and no BASE=/path/of/a/root"
unshare --mount --pid --fork --net true 2>/dev/null || skip "this system allows no namespaces"

work=$(mktemp -d "$BUILD/package-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
say() { echo "ok $*"; }
fail() {
    echo "not ok check-package: $*"
    [ ! -e "$work/log" ] || tail -n 30 "$work/log"
    exit 1
}

# within ROOT [net] COMMAND: run by its shell; without "net" there is no network.
within() {
    local root=$1 net=--net
    shift
    [ "$1" != net ] || { net='' && shift; }
    # shellcheck disable=SC2086 # nothing or one word
    unshare --mount --pid --fork $net --mount-proc="$root/proc" env -i HOME=/root LC_ALL=C.UTF-8 \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" \
        sh -c "mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts &&
            { [ -L /dev/ptmx ] || mount --bind /dev/pts/ptmx /dev/ptmx; } && $1" >"$work/log" 2>&1
}

# new_root NAME PACKAGE...: a copy of the base, with a user and these packages
new_root() {
    local root=$work/$1
    shift
    cp -a --reflink=auto "$base" "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    within "$root" net "useradd -m user; apt-get -q update && apt-get -q -y install --no-install-recommends ca-certificates $* && apt-get clean" ||
        fail "cannot install packages"
    cat /etc/ssl/certs/ca-certificates.crt >"$root/etc/ssl/certs/ca-certificates.crt" # those of a proxy, too
}

unpack_release() { # unpack_release FOLDER
    mkdir -p "$1"
    tar -xzf "$release" -C "$1" --strip-components=1
}

base=${BASE:-$work/base}
[ "${BASE-}" ] || debootstrap --variant=minbase "$SUITE" "$base" "$MIRROR" >"$work/log" 2>&1 || fail "debootstrap $SUITE"
release=$("$top/dist.sh")
version=$(basename "$release" .tar.gz)
version=${version#mamba-va-}

check_release() {
    local needed
    needed=$(sed 's/#.*//; /:/d; /^git$/d' packages.txt | tr '\n' ' ')
    new_root tested "$needed"
    unpack_release "$work/tested/src"
    within "$work/tested" "! command -v git && cd /src && make -j$(nproc) all && make check" || fail "the release does not pass its tests without git"
    say "release: built without git: $(tail -n 1 "$work/log")"
    rm -rf --one-file-system "$work/tested"
}

check_package() {
    local i root=$work/builder
    local -a places=(/build/one /home/user/a-longer-place/two) settings=("umask 022" "umask 002; export TZ=Asia/Tokyo LANG=C LC_ALL=C")
    new_root builder build-essential debhelper lintian fakeroot
    unpack_release "$root/dep"
    within "$root" net "cd /dep && apt-get -q -y build-dep --no-install-recommends ./ && apt-get clean" || fail "build-dep"
    for i in 0 1; do
        unpack_release "$root${places[i]}/mamba-va"
        within "$root" "${settings[i]}; cd ${places[i]}/mamba-va && dpkg-buildpackage -us -uc -j$(nproc)" || fail "dpkg-buildpackage"
    done
    for i in {mamba-va,libmamba-va1}{,-dbgsym}"_${version}_amd64.deb" "libmamba-va-dev_${version}_amd64.deb" "mamba-va_$version.tar.xz"; do
        cmp "$root${places[0]}/$i" "$root${places[1]}/$i" || fail "two builds of $i differ"
    done
    say "package: two builds give equal packages"
    within "$root" "cd ${places[1]} && su user -c 'lintian --fail-on error,warning,info -I ./*.changes'" || fail "lintian"
    [ ! -s "$work/log" ] || fail "lintian"
    say "package: lintian is silent"
    PACKAGES=$work/packages
    mkdir "$PACKAGES"
    cp "$root${places[0]}"/*.deb "$PACKAGES"
    rm -rf --one-file-system "$root"
}

# What there is in a root but for what package managers and the clock write.
listing() {
    (cd "$1" && find . \( -path ./proc -o -path ./dev -o -path ./home/user -o -path ./var/lib/dpkg -o -path ./var/lib/apt \
        -o -path ./var/cache/apt -o -path ./var/log -o -path ./tmp -o -path ./run \) -prune -o -print | sort)
}

# new_user NAME WITH PACKAGE...: a root with WITH and with what these packages of ours need; listed, then they are installed
new_user() {
    local root=$work/$1 name needed
    new_root "$1" "$2"
    for name in "${@:3}"; do
        name=${PACKAGES:-.}/${name}_${version}_amd64.deb
        [ -f "$name" ] || fail "no $name: PARTS=\"package $part\", or PACKAGES=/folder/of/packages"
        needed=$(dpkg-deb -f "$name" Depends | sed 's/libmamba-va1 ([^)]*),* *//')
        within "$root" net "apt-get -q -y satisfy --no-install-recommends '${needed:-dpkg}' && apt-get clean" || fail "dependencies"
        cp "$name" "$root/tmp"
    done
    listing "$root" >"$work/before"
    within "$root" "dpkg -i /tmp/*.deb" || fail "dpkg -i"
}

# purge NAME PACKAGE...: of a root that new_user made; nothing is left
purge() {
    local root=$work/$1
    within "$root" "dpkg --purge ${*:2}" || fail "dpkg --purge"
    listing "$root" | diff "$work/before" - || fail "purge leaves files"
    say "$part: purge leaves nothing"
    rm -rf --one-file-system "$root"
}

check_install() {
    local root=$work/user
    new_user user python3-pip mamba-va
    within "$root" "su user -c 'cd && make -j$(nproc) -f /usr/share/mamba-va/demo.mk OUT=demo'" || fail "demo"
    diff -u <(tail -n "$(wc -l <"$root/home/user/demo/table.txt")" "$work/log") "$root/home/user/demo/table.txt" ||
        fail "the demo prints another table"
    say "install: a user ran the demo: $(grep '^average' "$root/home/user/demo/table.txt" | tr -s ' ')"
    within "$root" net "/usr/share/mamba-va/weights.sh faces starter" || fail "weights"
    within "$root" "su user -c 'cd && va-run -o seen demo/corpus/cropped_aligned/\$(ls demo/corpus/cropped_aligned | head -n 1)'" || fail "va-run"
    say "install: weights.sh fetched weights, and va-run used them"
    purge user mamba-va
}

# as_user ROOT TEST: debian/tests/TEST, by a user
as_user() {
    cp "debian/tests/$2" "$work/$1/tmp"
    within "$work/$1" "su user -c 'AUTOPKGTEST_TMP=/home/user sh /tmp/$2'" || fail "debian/tests/$2"
}

check_library() {
    local compiler="gcc libc6-dev pkg-config"
    new_user linker "$compiler" libmamba-va1 libmamba-va-dev
    as_user linker library
    say "library: a user compiled the example as doc/library.md says, and ran it"
    purge linker libmamba-va1 libmamba-va-dev
    new_user client "$compiler" libmamba-va1 libmamba-va-dev mamba-va
    as_user client predict
    say "library: the example predicts what va-predict predicts: $(tail -n 1 "$work/log")"
    rm -rf --one-file-system "$work/client"
}

# section NAME: the lines of a section of the definition
section() {
    awk -v name="%$1" '/^%/ { inside = $1 == name; next } inside' contrib/mamba-va.def
}

check_image() {
    local root=$work/image
    new_root image
    cp "$release" "$work/mamba-va.tar.gz"
    section files | while read -r from to; do [ -z "$from" ] || cp "$work/$from" "$root/$to"; done
    section post >"$root/tmp/post"
    within "$root" net "sh /tmp/post" || fail "%post of contrib/mamba-va.def"
    section test >"$root/tmp/test"
    # Open MPI wants a network interface, also for ranks on one machine
    within "$root" net "sh -eu /tmp/test && va-check --version | grep -q '^mpi *on' && mpirun --allow-run-as-root --oversubscribe -n 2 va-tcn-mamba-train --version" ||
        fail "%test of contrib/mamba-va.def"
    say "image: %post makes it, $(du -sm --exclude=proc "$root" | cut -f 1) MiB"
    rm -rf --one-file-system "$root"
}

for part in $PARTS; do
    case $part in
    release | package | install | library | image) "check_$part" ;;
    *) fail "PARTS: no part $part" ;;
    esac
done
