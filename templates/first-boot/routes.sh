# The plain pod network: every other machine's pod range by way of that machine.
while read -r range gateway; do
	[ -n "$range" ] || continue
	until ip route replace "$range" via "$gateway"; do sleep 2; done
done <<-END
	$ROUTES
END
