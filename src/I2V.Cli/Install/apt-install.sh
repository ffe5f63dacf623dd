# Installs the Debian packages named as arguments and leaves no service behind. Run as root: sh -s -- PACKAGE...
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

policy=/usr/sbin/policy-rc.d
kept_policy=/usr/sbin/policy-rc.d.kept-by-i2v
cluster_folder=/etc/postgresql-common/createcluster.d
cluster_rule=$cluster_folder/i2v-no-cluster.conf
mark="# Placed by i2v while it installs packages; removed again at the end."

put_back() {
    if grep -qsF "$mark" "$policy"; then rm -f "$policy"; fi
    if [ -e "$kept_policy" ]; then mv -f "$kept_policy" "$policy"; fi
    rm -f "$cluster_rule"
    if [ "${made_cluster_folder:-}" ]; then rmdir --ignore-fail-on-non-empty -p "$cluster_folder" 2>/dev/null; fi
}

main() {
    # First what an earlier run may have left when it was killed.
    put_back
    trap put_back EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    trap 'exit 129' HUP

    # No service starts while we install (policy-rc.d), and PostgreSQL makes no cluster of its own.
    if [ -e "$policy" ]; then mv "$policy" "$kept_policy"; fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
    chmod 755 "$policy"
    [ -d "$cluster_folder" ] || made_cluster_folder=yes
    mkdir -p "$cluster_folder"
    printf '%s\ncreate_main_cluster = false\n' "$mark" > "$cluster_rule"

    before=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p')

    # Package lists that are empty or older than a week name files that are gone.
    if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -7 -print -quit 2>/dev/null)" ]; then
        echo "i2v: refreshing the package lists"
        apt-get update -q 2>&1 || exit
    fi

    echo "i2v: installing $*"
    if ! apt-get install -q -y --no-install-recommends "$@" 2>&1; then
        echo "i2v: refreshing the package lists and trying once more"
        apt-get update -q 2>&1 && apt-get install -q -y --no-install-recommends "$@" 2>&1 || exit
    fi

    # Units that came with new packages must not start at the next boot either.
    for package in $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p'); do
        printf '%s\n' "$before" | grep -qxF "$package" && continue
        case $package in
            postgresql-common) units="postgresql.service"; script=postgresql ;;
            rabbitmq-server) units="rabbitmq-server.service"; script=rabbitmq-server ;;
            erlang-base) units="epmd.service epmd.socket"; script="" ;;
            *) continue ;;
        esac
        for unit in $units; do
            # What `systemctl disable` does, also where systemd is not there or does not run.
            rm -f /etc/systemd/system/*.wants/"$unit"
            if [ -d /run/systemd/system ]; then systemctl stop "$unit" >/dev/null 2>&1; fi
        done
        if [ "$script" ]; then update-rc.d "$script" disable >/dev/null 2>&1; fi
        echo "i2v: $units of the new package $package will not start by itself"
    done
    exit 0
}

# The shell reads this file from its input; nothing that it runs may.
main "$@" </dev/null
