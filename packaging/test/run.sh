#!/usr/bin/env bash
# The package of this machine's processor in clean Debians: installed, started, upgraded, removed, purged. As root, on Debian;
# what it needs it installs, the clean Debians stay in .cache/debian.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "deb-test : à lancer en root" >&2 && exit 1; }
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

for tool in debootstrap systemd-nspawn lintian curl ip; do
	command -v $tool >/dev/null || missing=1
done
[ -z "${missing:-}" ] || { apt-get update -qq && apt-get install -yqq --no-install-recommends debootstrap systemd-container lintian curl iproute2; } >/dev/null

codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
arch=$(dpkg --print-architecture)
cache=$PWD/.cache/debian
mkdir -p "$cache"
work=$(mktemp -d "$cache/work.XXXXXX")
trap '[ -z "${container:-}" ] || kill -KILL $container 2>/dev/null || true; rm -rf "$work"' EXIT
. packaging/test/lib.sh

# build VERSION: the package of dist/ARCH/beffroi again, and where it is
build() {
	PACKAGE_VERSION=$1 packaging/build.sh "$arch" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2 && exit 1; }
	mv "dist/beffroi_$1-1_$arch.deb" "$work/${2:-}beffroi_$1.deb"
	echo "$work/${2:-}beffroi_$1.deb"
}
first=$(build 0~test1)
second=$(build 0~test2)
check "two builds of a commit are the same bytes" cmp "$first" "$(build 0~test1 again-)"
check "lintian has nothing to say" lintian --allow-root --fail-on error,warning,info --tag-display-limit 0 "$first"

. packaging/test/minimal.sh
. packaging/test/booted.sh

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
