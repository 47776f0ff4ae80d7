#!/bin/sh
# Takes the recorder off this machine: `sudo make uninstall`, or, where its folder is gone,
#
#   sudo sh /opt/recorder/current/systemd/uninstall.sh
#
# Recordings, configuration and state stay, and so does the user whose files they are; it says where
# they are, and what removes them.

mine=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=systemd/common.sh
. "$mine/systemd/common.sh"

# A function, so that the shell has read all of it before it removes itself.
main() {
    alone
    installed=$VERSIONS/current
    test -d "$installed" || fail "No recorder is installed in $VERSIONS."
    if systemd_runs; then
        # A stop finishes every file.
        entries "$installed" | sed -n 's/^\([^ ]*\.\(service\|socket\)\) .*/\1/p' |
            xargs systemctl --quiet disable --now ||
            fail "The recorder cannot be stopped, so nothing was removed; the lines above say why."
    fi
    entries "$installed" | while read -r _ to _; do
        rm -f "$ROOT$to"
    done
    rm -rf "$COMMAND" "$VERSIONS"
    ! systemd_runs || systemctl daemon-reload
    say "The recorder is removed. What is yours stays; what removes it stands behind it:"
    say "  recordings:     sudo rm -r $RECORDINGS"
    say "  configuration:  sudo rm -r $ROOT/etc/recorder"
    say "  state:          sudo rm -r $STATE"
    say "  the user:       sudo userdel recorder"
    exit 0
}

main
