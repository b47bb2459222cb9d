#!/bin/sh
# Makes sure that Debian's Chromium is there for the browser tests; as root it installs it.
set -e
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    (apt-get update && apt-get install --yes --no-install-recommends chromium) >/tmp/beffroi-chromium.log 2>&1 && [ -x /usr/bin/chromium ] && exit 0
    tail -5 /tmp/beffroi-chromium.log >&2
fi
echo "The browser tests need Chromium: install Debian's package chromium, or say where one is with CHROMIUM=/path/to/chromium." >&2
exit 1
