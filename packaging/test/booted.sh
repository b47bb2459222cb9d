# A Debian that boots, in systemd-nspawn: the unit at work. Sourced by run.sh.

r=$work/booted
root booted systemd-sysv
# a network of its own: only loopback. A login prompt and timers of Debian's own are not what is tested.
chroot "$r" systemctl mask console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
	systemd-tmpfiles-clean.timer fstrim.timer 2>/dev/null
systemd-nspawn --register=no --keep-unit --private-network -b -D "$r" </dev/null >"$work/boot.log" 2>&1 &
container=$!
init() { pgrep -P $container; }
inside() { nsenter -a -t "$(init)" env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
outside() { nsenter --net -t "$(init)" "$@"; } # our programs, its network
is_up() { [[ $(inside systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; }
poweroff() {
	inside systemctl poweroff 2>/dev/null || true
	soon not kill -0 $container 2>/dev/null || kill -KILL $container
	wait $container || true
}

pid() { inside systemctl show -P MainPID beffroi; }
restarts() { inside systemctl show -P NRestarts beffroi; }
restarted() { [ "$(restarts)" -gt "$1" ] && answers; }
runs() { pgrep --ns "$(init)" --nslist pid -x beffroi; }
own_user() { [ "$(inside stat -c %U "/proc/$(pid)")" = beffroi ] && runs; }
unbitten() { sleep 3 && [ "$(restarts)" = "$1" ]; } # three periods of the watchdog
answers() { outside curl -sf -o /dev/null http://127.0.0.1:8008/installation; }
# session: the token's page opened a session; it is in the database, so it tells whether the data are still the same.
session() { outside curl -s -b "$work/cookies" -o /dev/null -w '%{http_code} %{redirect_url}' http://127.0.0.1:8008/installation | grep '^303 .*/installation/'; }
is_version() { inside dpkg-query -W -f '${Version}' beffroi | grep -Fx "$(dpkg-deb -f "$1" Version)" && [ "$(pid)" != "$2" ]; }

if ! soon is_up; then
	echo "SKIPPED what needs systemd: systemd-nspawn could not boot here"
	tail -n 5 "$work/boot.log"
	kill -KILL $container || true
	return
fi
trace "$r" >"$work/before"
cp "$first" "$second" "$r/root/"

check "booted: installs" inside dpkg -i "/root/${first##*/}"
cp "$work/last" "$work/said"
check "booted: prints an address and a token" grep -E 'http://[^ ]+jeton=[A-Z2-7-]+' "$work/said"
token=$(grep -Eo 'jeton=[A-Z2-7-]+' "$work/said" | head -n 1) || token=none
check "booted: runs, enabled, ready" inside systemctl is-active beffroi
check "booted: answers as soon as it says that it is ready" answers
check "booted: runs as its own user" own_user
outside curl -s -c "$work/cookies" -o /dev/null "http://127.0.0.1:8008/installation?$token"
check "booted: the token opens the wizard" session
inside systemd-analyze security beffroi --no-pager >"$work/security" || true
grep -v "✓" "$work/security"
check "booted: exposure is 1.5 at most" inside systemd-analyze security beffroi --threshold=15
check "booted: systemd has no remark on the unit" inside systemd-analyze verify --man=no beffroi.service

n=$(restarts)
inside systemctl kill -s KILL beffroi
check "booted: killed, it comes back" soon restarted "$n"
check "booted: the session outlived the kill" session
inside mkdir -p /run/systemd/system/beffroi.service.d
inside sh -c 'printf "[Service]\nWatchdogSec=1\nTimeoutAbortSec=1\n" >/run/systemd/system/beffroi.service.d/test.conf && systemctl daemon-reload && systemctl restart beffroi'
n=$(restarts)
inside systemctl kill -s STOP beffroi
check "booted: stuck, the watchdog brings it back" soon restarted "$n"
check "booted: fed, the watchdog leaves it alone" unbitten $((n + 1))
inside sh -c 'rm -r /run/systemd/system/beffroi.service.d && systemctl daemon-reload && systemctl restart beffroi'

inside sh -c 'echo "# un réglage de la commune" >>/etc/beffroi/beffroi.toml'
old=$(pid)
check "booted: a second version installs over it" inside dpkg -i "/root/${second##*/}"
check "booted: the new one runs" is_version "$second" "$old"
check "booted: the upgrade kept the data" session
check "booted: the upgrade kept the settings" inside grep -q "un réglage de la commune" /etc/beffroi/beffroi.toml

check "booted: is removed" inside dpkg -r beffroi
check "booted: removed, it does not run" not answers
check "booted: removed, the data stay" inside test -e /var/lib/beffroi/beffroi.db
check "booted: installs again" inside dpkg -i "/root/${second##*/}"
check "booted: on the same data" session
check "booted: is purged" inside dpkg -P beffroi
check "booted: nothing of it runs" not runs
check "booted: dpkg and the user database forgot it" unknown "$r"
check "booted: systemd forgot it" not inside systemctl cat beffroi
trace "$r" >"$work/after"
check "booted: purged without a trace" diff "$work/before" "$work/after"
poweroff
