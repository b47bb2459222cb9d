#!/usr/bin/env bash
# The package of this machine's processor in clean Debians: installed, started, upgraded, removed, purged. As root, on Debian;
# what it needs it installs; the clean Debians stay in ~/.cache/beffroi/debian for the next time.
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
cache=${XDG_CACHE_HOME:-$HOME/.cache}/beffroi/debian
mkdir -p "$cache/debs"
work=$(mktemp -d "$cache/work.XXXXXX")
trap '[ -z "${container:-}" ] || kill -KILL $container 2>/dev/null || true; rm -rf "$work"' EXIT
. packaging/test/lib.sh

# package VERSION: what `make deb` built, packed under another version; and where it is
package() {
	PACKAGE_VERSION=$1 packaging/build.sh "$arch" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2 && exit 1; }
	mv "dist/beffroi_$1-1_$arch.deb" "$work/"
	echo "$work/beffroi_$1-1_$arch.deb"
}

# same_elsewhere VERSION FILE: a clone of this commit in another folder gives the same bytes.
same_elsewhere() {
	git clone -q . "$work/clone" && PACKAGE_VERSION=$1 make -C "$work/clone" deb &&
		cmp "$2" "$work/clone/dist/beffroi_$1-1_$arch.deb"
}
first=$(package 0~test1)
second=$(package 0~test2)
if [ -z "$(git status --porcelain)" ]; then
	check "a clone of this commit gives the same bytes" same_elsewhere 0~test1 "$first"
else
	echo "SKIPPED whether two builds are the same bytes: there are changes that are not committed"
fi
check "lintian has nothing to say" lintian --allow-root --fail-on error,warning,info --tag-display-limit 0 "$first"

. packaging/test/minimal.sh
. packaging/test/booted.sh

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
