# What the tests of the package share. Sourced by run.sh.

passed=0 failed=0

# check TEXT COMMAND...: one line of the report, with the time since the start.
check() {
	local text=$1
	shift
	if "$@" >"$work/last" 2>&1; then
		passed=$((passed + 1))
		printf "ok     %4ds  %s\n" $SECONDS "$text"
	else
		failed=$((failed + 1))
		printf "FAILED %4ds  %s\n" $SECONDS "$text"
		sed 's/^/        | /' "$work/last" | tail -n 30
	fi
}

not() { ! "$@"; }

# soon COMMAND...: tries again until it succeeds, for half a minute.
soon() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# root NAME [PACKAGE]: a clean Debian of this machine's release, unpacked anew in $work/NAME; kept in the cache.
root() {
	local name=$1 include=${2:-} cached=$cache/$codename-$1
	if [ ! -d "$cached" ]; then
		debootstrap --variant=minbase ${include:+--include="$include"} --cache-dir="$cache/debs" "$codename" "$work/$name.part" >"$work/debootstrap.log" 2>&1 ||
			{ tail -n 20 "$work/debootstrap.log" && exit 1; }
		rm -f "$work/$name.part"/var/cache/apt/archives/*.deb
		mv "$work/$name.part" "$cached"
	fi
	cp -a --reflink=auto "$cached" "$work/$name"
}

# trace ROOT: every file with its owner and mode, and what the settings contain: what must be the same after a purge.
# Left out: what lives in memory, logs, dpkg's and apt's own books, and the copies that useradd keeps (passwd-).
trace() {
	(
		cd "$1"
		find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./var/tmp -o -path ./var/log \
			-o -path ./var/cache -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./root \) -prune \
			-o ! -path './etc/*-' -printf '%p %M %U:%G %l\n' | sort
		find ./etc -type f ! -name '*-' -exec sha256sum {} + | sort -k2
	)
}

# unknown ROOT: dpkg and the user database don't know the package any more.
unknown() {
	! chroot "$1" dpkg-query -s beffroi && ! chroot "$1" getent passwd beffroi && ! chroot "$1" getent group beffroi &&
		! find "$1/var/lib/dpkg" "$1/var/lib/systemd" -name '*beffroi*' | grep .
}

# owner_mode ROOT FILE WANT
owner_mode() { [ "$(chroot "$1" stat -c '%U:%G %a' "$2")" = "$3" ]; }
