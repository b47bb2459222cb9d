#!/usr/bin/env bash
# build.sh ARCH: the Debian package of the binary dist/ARCH/beffroi, as dist/beffroi_VERSION_ARCH.deb. ARCH is Debian's name:
# amd64, arm64 or armhf. The same commit gives the same bytes. PACKAGE_VERSION replaces the version that git tells.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
export LC_ALL=C TZ=UTC

# version is that of the tag v1.2.3 on this commit, or else the last one's and the commit's date, so that later is higher.
version() {
	local tag last moment
	if git diff --quiet HEAD -- && tag=$(git describe --exact-match --match 'v[0-9]*' 2>/dev/null); then
		echo "${tag#v}"
		return
	fi
	last=$(git describe --abbrev=0 --match 'v[0-9]*' 2>/dev/null) && last=${last#v}+ || last=0~
	moment=$(date -d "@$SOURCE_DATE_EPOCH" +%Y%m%d.%H%M%S)
	echo "$last$moment.$(git describe --always --abbrev=12 --dirty=.dirty --exclude '*')"
}

# licences are the terms of all that is in the binary besides our own: Go, each module, each package of the web client.
licences() {
	printf 'Go %s\n\n' "$(go env GOVERSION)"
	cat "$(go env GOROOT)/LICENSE"
	go list -deps -f '{{with .Module}}{{if .Version}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' . | sort -u |
		while read -r path version folder; do terms "$path $version" "$folder"; done
	[ ! -e embedui/dist/index.html.br ] || npm ls --omit=dev --all --parseable --prefix embedui/web 2>/dev/null |
		sed -n 's,.*/embedui/web/node_modules/,,p' | sort -u |
		while read -r name; do terms "$name" "embedui/web/node_modules/$name"; done
}

# terms NAME FOLDER: its licence files, under its name
terms() {
	printf '\n\n%s\n\n' "$1"
	find "$2" -maxdepth 1 -type f -iregex '.*/\(licen[cs]e\|copying\|notice\|patents\)[^/]*' | sort | xargs -r cat
}

changelog() {
	printf 'beffroi (%s-1) stable; urgency=medium\n\n' "$PACKAGE_VERSION"
	printf '  * Ce qui change : /usr/share/doc/beffroi/changelog.gz\n\n'
	printf ' -- Beffroi <dev@beffroi.invalid>  %s\n' "$(date -R -d "@$SOURCE_DATE_EPOCH")"
}

declare -A goarch=([amd64]=amd64 [arm64]=arm64 [armhf]=arm7)
arch=$1
export PACKAGE_ARCH=${goarch[$arch]} PACKAGE_DIR=dist/$arch
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export PACKAGE_VERSION=${PACKAGE_VERSION:-$(version)}
doc=$PACKAGE_DIR/doc

rm -rf "$doc" && mkdir -p "$doc"
GOOS=linux GOARCH=${PACKAGE_ARCH%7} licences | gzip -9n >"$doc/licences-tierces.gz"
cat packaging/copyright LICENSE >"$doc/copyright"
changelog | gzip -9n >"$doc/changelog.Debian.gz"
gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
gzip -9n <README.md >"$doc/README.md.gz"
gzip -9n <packaging/man/beffroi.8 >"$doc/beffroi.8.gz"
gzip -9n <packaging/man/beffroi.fr.8 >"$doc/beffroi.fr.8.gz"

go build -C packaging -o "$PWD/.cache/bin/nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm
.cache/bin/nfpm package --config packaging/nfpm.yaml --packager deb --target "dist/beffroi_${PACKAGE_VERSION}-1_$arch.deb"
