# After success: what let this machine in is taken away again.

# cloud-init still reads its copies until its last stage has ended.
cloud_final_over() {
	case $(systemctl show -p ActiveState -p Job cloud-final.service 2>/dev/null) in
	*ActiveState=activating* | *Job=[1-9]*) ;;
	*) return ;;
	esac
	hold cloud-final "cloud-init's last stage still runs" "systemctl status cloud-final.service"
	return 1
}

scrub() {
	enter scrub
	until cloud_final_over; do :; done
	if [ "$SEED_ON_MEDIA" = yes ] && [ -d "$R/etc/cloud" ]; then
		: >"$R/etc/cloud/cloud-init.disabled"
		sync "$R/etc/cloud/cloud-init.disabled"
	fi
	rm -rf "$R"/var/lib/cloud/instances/*/user-data.txt* "$R"/var/lib/cloud/instances/*/vendor-data* \
		"$R"/var/lib/cloud/instances/*/vendor-cloud-config.txt "$R"/var/lib/cloud/instances/*/cloud-config.txt \
		"$R"/var/lib/cloud/instances/*/obj.pkl "$R"/var/lib/cloud/instances/*/scripts \
		"$R"/var/lib/cloud/seed/nocloud* \
		"$R"/run/cloud-init/combined-cloud-config.json "$R"/run/cloud-init/instance-data-sensitive.json \
		"$R"/run/ignition.json
	forget
	sync
	for label in cidata CIDATA config-2 CONFIG-2; do
		if [ "$SEED_ON_MEDIA" = yes ] && [ -e "$R/dev/disk/by-label/$label" ]; then
			tell "the seed medium is still attached and still holds this machine's secrets: eject it"
		fi
	done
}

# conclude: the last mark, after the last secret.
conclude() {
	scrub
	# What others read comes before the mark, after which nothing is done again.
	mkdir -p "$R/run/cluster-api" && printf 'success\n' >"$R/run/cluster-api/bootstrap-success.complete"
	phase='done'
	status 'done' '' "$NODE is part of $CLUSTER" ''
	mark 'done'
	exit 0
}
