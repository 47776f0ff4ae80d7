#!/bin/sh
# Makes the version in whose folder this lies the one that runs: the last step of an installation,
# and the way back to the version before it:
#
#   sudo sh /opt/recorder/previous/systemd/activate.sh
#
# It touches nothing before that version has read the configuration, as the recorder's user, and no
# room is live. A version that does not start makes room for the one that ran before it.
#
#   UPGRADE_WAIT    how long it waits for a moment when no room is live; 30m
#   UPGRADE_NOW=1   it does not wait: encoders reconnect, and the manifest tells the gap

mine=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=systemd/common.sh
. "$mine/systemd/common.sh"
name=${mine##*/}
version=${name%-*}

main() {
    alone
    umask 022
    find_user || fail "There is no user recorder; run the installation again."
    before=$(version_at current)
    as_recorder "$mine/bin/python" -m recorder check-config --config "$CONFIG" > /dev/null ||
        fail "The recorder $version cannot use $CONFIG, so nothing was changed."
    wait_for_quiet
    put_files
    if test "$before" != "$name"; then
        test -z "$before" || point previous "$before"
        point current "$name"
    fi
    mkdir -p "${COMMAND%/*}"
    ln -sfn /opt/recorder/current/bin/recorder "$COMMAND"
    sync -f "$VERSIONS"
    ! systemd_runs || start || go_back
    remove_older
    say "The recorder $version is installed as ${mine#"$ROOT"}${before:+; before it was $before}."
}

wait_for_quiet() {
    systemd_runs && systemctl --quiet is-active recorder.service || return 0
    test -z "${UPGRADE_NOW:-}" || return 0
    "$mine/bin/python" -m recorder quiet --config "$CONFIG" --wait "${UPGRADE_WAIT:-30m}" ||
        fail "No quiet moment came, so nothing was changed: try again when no lesson runs, or with" \
            "UPGRADE_NOW=1, which costs each live room some seconds."
}

# Every file to its place, and away with what only the version before had. Gathers the units that
# are new here and shall start, and the sockets that differ: systemd holds those open.
put_files() {
    units=
    changed_sockets=
    entries "$mine" > "$VERSIONS/.entries"
    if test -n "$before"; then
        entries "$VERSIONS/$before" | grep -vxF -f "$VERSIONS/.entries" | while read -r from to _; do
            case $from in
                # What systemd says against it is seen, and no reason to keep the file.
                *.service | *.socket) ! systemd_runs || systemctl --quiet disable --now "$from" || : ;;
            esac
            rm -f "$ROOT$to"
        done
    fi
    while read -r from to is_on; do
        test "$is_on" != on || test -e "$ROOT$to" || units="$units $from"
        cmp -s "$mine/systemd/$from" "$ROOT$to" && continue
        case $from in *.socket) changed_sockets="$changed_sockets $from" ;; esac
        install -D -m 0644 "$mine/systemd/$from" "$ROOT$to" ||
            fail "$ROOT$to cannot be written; the line above says why."
    done < "$VERSIONS/.entries"
    rm "$VERSIONS/.entries"
}

# shellcheck disable=SC2046,SC2086 # lists of units are words
start() {
    systemctl daemon-reload || return
    # Only what is new: what an operator has disabled stays so.
    test -z "$units" || systemctl --quiet enable $units || return
    # Sockets that stay open let encoders wait while the service restarts, and refuse none.
    if test -n "$changed_sockets"; then
        # Not one by one: who knocks at another one would start the service, and a socket whose
        # service runs cannot be opened anew.
        open=$(open_sockets)
        systemctl stop recorder.service $open || return
        test -z "$open" || systemctl start $open || return
    fi
    systemctl restart $(entries "$mine" | sed -n 's/^\([^ ]*\.service\) .* on$/\1/p')
}

# In reverse: the one for RTMPS the service does not bring along, when a knock at another starts it.
open_sockets() {
    entries "$mine" | sed -n 's/^\([^ ]*\.socket\) .*$/\1/p' | tac | while read -r socket; do
        ! systemctl --quiet is-active "$socket" || echo "$socket"
    done
}

go_back() {
    if test -z "$before" || test "$before" = "$name" || test -n "${GOING_BACK:-}"; then
        fail "The recorder $version does not start; its log says why: journalctl -u recorder -n 50"
    fi
    GOING_BACK=1 UPGRADE_NOW=1 sh "$VERSIONS/$before/systemd/activate.sh"
    fail "The recorder $version did not start, so $before runs again; its log says why:" \
        "journalctl -u recorder -n 50"
}

# The one that runs and the one before it stay.
remove_older() {
    for made in "$VERSIONS"/*-[0-9]*; do
        case ${made##*/} in
            "$(version_at current)" | "$(version_at previous)") ;;
            *) rm -rf "$made" ;;
        esac
    done
}

main
