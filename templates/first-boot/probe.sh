# Probes: what answers at an address, and whether it is ours. Absent on purpose: any credential.

# own ADDRESS: an answer from ourselves proves nothing.
own() {
	for mine in $ADDRESSES; do
		[ "$mine" != "$1" ] || return 0
	done
	return 1
}

# host_of ADDRESS: as it stands in a URL.
host_of() {
	case $1 in
	*:*) printf '[%s]' "$1" ;;
	*) printf '%s' "$1" ;;
	esac
}

# ask URL [OPTION]...: one request; sets RC (curl's), CODE (HTTP's) and WHY; the body is in $RUN/answer.
ask() {
	url=$1
	shift
	: >"$RUN/answer"
	CODE=$(curl --silent --show-error --noproxy '*' --max-time 5 --user-agent kubespore \
		--output "$RUN/answer" --write-out '%{http_code}' "$@" "$url" 2>"$RUN/why")
	RC=$?
	WHY=''
	IFS= read -r WHY <"$RUN/why" || :
}

# judge_certificate: what curl's refusal of a certificate means.
judge_certificate() {
	case $WHY in
	*expired* | *'not yet valid'*) SEEN=CLOCK ;;
	*) SEEN=FOREIGN ;;
	esac
}

# fingerprint_at HOST PORT: of the certificate shown there.
fingerprint_at() {
	timeout 6 openssl s_client -connect "$(host_of "$1"):$2" </dev/null 2>/dev/null |
		openssl x509 -noout -fingerprint -sha256 2>/dev/null || printf 'unreadable'
}

fingerprint_of() { openssl x509 -noout -fingerprint -sha256 -in "$1" 2>/dev/null || printf 'unreadable'; }
