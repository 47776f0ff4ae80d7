# What install.sh, activate.sh and uninstall.sh share: where everything lies, who the recorder is
# on this machine, and how an error is told: in one sentence, with what to do.
#
# shellcheck shell=sh disable=SC2034 # the scripts that read this one use the names

set -eu

# A root folder to install into (for images and packages): nothing outside of it is touched, and
# nothing is started.
ROOT=${DESTDIR:-}
case $ROOT in '' | /*) ;; *) ROOT=$PWD/$ROOT ;; esac
ROOT=${ROOT%/}
export DESTDIR="$ROOT"

# A Python looks for modules where it stands and where this says, and a checkout has some.
cd /
unset PYTHONPATH PYTHONHOME

VERSIONS=$ROOT/opt/recorder
CONFIG=$ROOT/etc/recorder/config.yaml
PASSWORD=$ROOT/etc/recorder/first-password
STATE=$ROOT/var/lib/recorder
RECORDINGS=$ROOT/srv/recordings
COMMAND=$ROOT/usr/local/bin/recorder

say() {
    echo "$*"
}

fail() {
    echo "recorder: $*" >&2
    exit 1
}

# One script at a time works here. One that another one calls has the lock already.
alone() {
    test "$(id -u)" = 0 || fail "This needs root: run it again with sudo."
    mkdir -p "$VERSIONS"
    if test -z "${RECORDER_LOCKED:-}"; then
        exec 9> "$VERSIONS/.lock"
        flock --nonblock 9 || fail "Another installation is under way; wait for its end."
        export RECORDER_LOCKED=1
    fi
}

# Whether units can be started here, as sd_booted(3) finds it out.
systemd_runs() {
    test -z "$ROOT" && test -d /run/systemd/system
}

# The recorder's user, from the passwd file of the root folder, as `user` and `group`.
find_user() {
    user=$(sed -n 's/^recorder:[^:]*:\([0-9]*\):.*/\1/p' "$ROOT/etc/passwd")
    group=$(sed -n 's/^recorder:[^:]*:[0-9]*:\([0-9]*\):.*/\1/p' "$ROOT/etc/passwd")
    test -n "$user"
}

# as_recorder COMMAND...: as the service will run it, so that what it cannot reach shows now. In a
# root folder as root: the folders above that one need not be open to others.
as_recorder() {
    if test -n "$ROOT"; then
        "$@"
    else
        setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
    fi
}

# The name of the version that the link `current` or `previous` names; nothing where there is none.
version_at() {
    readlink "$VERSIONS/$1" || true
}

# point LINK VERSION: at once, so that a power cut leaves the old one or the new one.
point() {
    ln -sfn "$2" "$VERSIONS/$1.new"
    mv -T "$VERSIONS/$1.new" "$VERSIONS/$1"
}

# What a version brings: lines of a file in its systemd/, its place, and perhaps the word `on`.
entries() {
    sed '/^#/d; /^$/d; s/  */ /g' "$1/systemd/install.list"
}
