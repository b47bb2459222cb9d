# A Debian without systemd: the package installs, the program runs, nothing stays. Sourced by run.sh.

r=$work/minimal
root minimal
trace "$r" >"$work/before"
cp "$first" "$second" "$r/root/"

check "minimal: installs with nothing but what Debian always has" chroot "$r" dpkg -i "/root/${first##*/}"
cp "$work/last" "$work/said"
check "minimal: prints an address and a token" grep -E 'http://[^ ]+jeton=[A-Z2-7-]+' "$work/said"
check "minimal: the data belong to the service alone" owner_mode "$r" /var/lib/beffroi "beffroi:beffroi 700"
check "minimal: the service reads the settings, others don't" owner_mode "$r" /etc/beffroi/beffroi.toml "root:beffroi 640"
check "minimal: starts with the machine" test -L "$r/etc/systemd/system/multi-user.target.wants/beffroi.service"

# in a network of its own, where nobody else listens
unshare --net bash -c "ip link set lo up && exec chroot $r setpriv --reuid=beffroi --regid=beffroi --clear-groups \
	env LANG=C.UTF-8 beffroi serve --config /etc/beffroi/beffroi.toml" >"$work/minimal.log" 2>&1 &
server=$!
check "minimal: started by hand, it answers" soon nsenter --net -t $server curl -sf -o /dev/null http://127.0.0.1:8008/installation
kill $server || true
wait $server || true
check "minimal: it stopped in order" grep -q stopping "$work/minimal.log"

check "minimal: a second version installs over it" chroot "$r" dpkg -i "/root/${second##*/}"
check "minimal: an upgrade makes no new token" not grep jeton "$work/last"
check "minimal: is removed" chroot "$r" dpkg -r beffroi
check "minimal: removed, it leaves the data" test -e "$r/var/lib/beffroi/beffroi.db"
check "minimal: is purged" chroot "$r" dpkg -P beffroi
check "minimal: dpkg and the user database forgot it" unknown "$r"
trace "$r" >"$work/after"
check "minimal: purged without a trace" diff "$work/before" "$work/after"
