#!/bin/sh
# Installs the recorder of this folder, or upgrades to it: `sudo make install`.
#
# Each installation is a virtual environment of its own, /opt/recorder/VERSION-N, where N grows. It
# makes the user, the folders and, the first time, a configuration with fresh keys and the storage's
# marker; what is there already of configuration, state and recordings is never changed. At its end
# activate.sh makes the new version the one that runs: until then nothing that runs was touched, and
# whatever fails leaves everything as it was.
#
#   PYTHON          Python 3.11 or later, in /usr, where the service may run it; python3
#   DESTDIR         a root folder to install into
#   UPGRADE_WAIT    how long an upgrade waits for a quiet moment, see activate.sh
#   UPGRADE_NOW=1   it does not wait

here=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=systemd/common.sh
. "$here/systemd/common.sh"
new=

main() {
    alone
    trap leave EXIT
    trap 'exit 130' INT TERM
    # Of what is not said otherwise: the service reads it, and cannot change it.
    umask 022
    check_python
    make_user
    make_folders
    make_version
    if test ! -e "$CONFIG"; then
        make_configuration
        greet
    fi
    sh "$new/systemd/activate.sh"
}

# What was begun and did not come to its end goes.
leave() {
    rm -f "$CONFIG.new" "$CONFIG.root"
    test -z "$new" || test "$(version_at current)" = "${new##*/}" || rm -rf "$new"
}

check_python() {
    python=$("${PYTHON:-python3}" -c 'import os, sys; print(os.path.realpath(sys.executable))') ||
        fail "${PYTHON:-python3} does not run; name a Python 3.11 or later: make install PYTHON=/usr/bin/python3"
    # ExecPaths= of the unit.
    case $python in
        /usr/*) ;;
        *)
            fail "The service runs what lies in /usr, and $python does not; name another Python:" \
                "make install PYTHON=/usr/bin/python3"
            ;;
    esac
}

make_user() {
    mkdir -p "$ROOT/etc"
    touch -a "$ROOT/etc/passwd" "$ROOT/etc/group"
    find_user && return
    if command -v systemd-sysusers > /dev/null; then
        systemd-sysusers ${ROOT:+"--root=$ROOT"} "$here/systemd/sysusers.d/recorder.conf"
    else
        useradd ${ROOT:+--prefix "$ROOT"} --system --user-group --no-create-home \
            --home-dir /var/lib/recorder --shell /usr/sbin/nologin recorder
    fi || fail "The user recorder cannot be made; the lines above say why."
    find_user || fail "The user recorder was made, and does not stand in $ROOT/etc/passwd."
}

# Only what is missing: the owner of a folder that is there is somebody's decision.
make_folders() {
    folder "$ROOT/etc/recorder" 0750 0
    folder "$STATE" 0700 "$user"
    folder "$RECORDINGS" 0750 "$user"
    # But for a disk that was just formatted, which belongs to root.
    if test -z "$(find "$RECORDINGS" -mindepth 1 ! -name lost+found -print -quit)"; then
        chown "$user:$group" "$RECORDINGS"
    fi
}

folder() {
    test -d "$1" || install -d -m "$2" -o "$3" -g "$group" "$1"
}

make_version() {
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$here/recorder/__init__.py")
    number=0
    for made in "$VERSIONS"/*-[0-9]*; do
        test -d "$made" && test "${made##*-}" -gt "$number" && number=${made##*-}
    done
    new=$VERSIONS/$version-$((number + 1))
    say "Installing the recorder $version into ${new#"$ROOT"} ..."
    if test -d "$here/wheels"; then
        install_from_wheels
    else
        install_from_network
    fi
    # The wheel may be of another day than this folder.
    for installed in "$new"/lib/python3*/site-packages/recorder; do
        diff --recursive --brief --exclude=__pycache__ --exclude='*.md' \
            "$here/recorder" "$installed" ||
            fail "What lies in wheels/ is not the recorder of this folder: run make wheels again."
    done
    cp -R "$here/systemd" "$new"
    cp "$here/README.md" "$here/CHANGELOG.md" "$here/config.example.yaml" \
        "$new/share/classroom-recorder"
    at_its_final_place
    # The service cannot write here, so it would compile everything at each start. What only colours
    # program text is not used.
    "$new/bin/python" -m compileall -q -x /pygments/ ${ROOT:+-s "$ROOT" -p /} "$new/lib" ||
        fail "The recorder cannot be compiled; the lines above say why."
    sync -f "$new"
}

# They bring pip along: Debian's python3 alone can make the environment then.
install_from_wheels() {
    "$python" -m venv --without-pip "$new" || fail "$python cannot make a virtual environment."
    PYTHONPATH=$(echo "$here"/wheels/pip-*.whl) "$new/bin/python" -m pip --isolated install \
        --quiet --no-compile --disable-pip-version-check --root-user-action ignore \
        --no-index --find-links "$here/wheels" "classroom-recorder==$version" ||
        fail "The folder wheels/ lacks something for this machine: make it again with make wheels," \
            "or remove it to install from the network."
}

install_from_network() {
    "$python" -m venv "$new" ||
        fail "Python cannot make a virtual environment yet: sudo apt install python3-venv"
    # From a copy: building leaves things beside what it builds.
    mkdir "$new/source"
    for part in recorder web pyproject.toml README.md LICENSE; do
        cp -R "$here/$part" "$new/source"
    done
    "$new/bin/python" -m pip install \
        --quiet --no-compile --disable-pip-version-check --root-user-action ignore "$new/source" ||
        fail "The recorder's libraries cannot be had. Is this machine online? Without a network:" \
            "run make wheels on another one, and bring its folder wheels/ here."
    rm -rf "$new/source"
    # Nothing is installed into it later, and these are the larger half of it.
    "$new/bin/python" -m pip --quiet uninstall --yes --root-user-action ignore setuptools pip
}

# An environment names its own place in its scripts, which is another one in a root folder.
at_its_final_place() {
    test -n "$ROOT" || return 0
    for file in "$new"/pyvenv.cfg "$new"/bin/*; do
        test -L "$file" || sed -i "s|$ROOT/opt/recorder|/opt/recorder|g" "$file"
    done
}

recorder() {
    "$new/bin/python" -m recorder "$@"
}

# Under another name until the storage is marked: cut off in between, the next try does both again.
make_configuration() {
    key=$(recorder new-key)
    password=$(recorder new-key | cut -c 1-16)
    # Through a pipe: everybody on the machine can read the arguments of a command.
    hash=$(echo "$password" | recorder hash-password)
    (umask 077 && cat > "$CONFIG.new") << END
# Made by the installation. Every key there is stands in
# /opt/recorder/current/share/classroom-recorder/config.example.yaml.
# This file holds the stream keys: nobody but root and the recorder may read it.

state: /var/lib/recorder

storage:
  directory: /srv/recordings

rooms:
  room1:
    key: "$key"

# The addresses of these two are also those of recorder-rtmp.socket and recorder-http.socket.
rtmp:
  listen: ["0.0.0.0:1935"]

status:
  listen: ["0.0.0.0:8080"]
  # Of the page's password; another one makes: recorder hash-password
  password: "$hash"
END
    chown "0:$group" "$CONFIG.new"
    chmod 0640 "$CONFIG.new"
    mark_storage
    test -t 1 || (umask 077 && echo "$password" > "$PASSWORD")
    sync -f "$CONFIG.new"
    # By `ln`: a configuration that somebody has put there meanwhile stays.
    ln "$CONFIG.new" "$CONFIG" || fail "Somebody else has just made $CONFIG; try again."
}

mark_storage() {
    if test -z "$ROOT"; then
        as_recorder "$new/bin/python" -m recorder init --config "$CONFIG.new" ||
            fail "The folder $RECORDINGS cannot be taken into use; the line above says why."
        return
    fi
    # The same in the root folder, whose name nobody needs to know later.
    sed "s|: /var/lib/recorder|: $STATE|; s|: /srv/recordings|: $RECORDINGS|" "$CONFIG.new" \
        > "$CONFIG.root"
    chmod 0600 "$CONFIG.root"
    recorder init --config "$CONFIG.root" > /dev/null ||
        fail "The folder $RECORDINGS cannot be taken into use; the line above says why."
    sed -i "s|\"$ROOT/|\"/|" "$STATE/storages.json"
    chown -hR "$user:$group" "$STATE" "$RECORDINGS/.recorder"
}

greet() {
    host=
    test -n "$ROOT" || host=$(hostname -I 2> /dev/null | cut -d ' ' -f 1)
    host=${host:-HOST}
    say
    say "Server:      rtmp://$host/live"
    if test -t 1; then
        say "Stream key:  $key"
        say "Page:        http://$host:8080/"
        say "Password:    $password (shown this once)"
    else
        say "Stream key:  stands in /etc/recorder/config.yaml"
        say "Page:        http://$host:8080/"
        say "Password:    stands in /etc/recorder/first-password; read it, and remove that file"
    fi
    say "Recordings:  /srv/recordings"
    say
}

main
