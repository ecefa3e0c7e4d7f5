# JSON as lines. In: one document on stdin. Out: one line a value, its path, a tab, the value as text; so 64-bit
# member ids stay the strings they came as. Absent on purpose: writing JSON, and numbers.

json_lines() {
	awk '
	function token() {
		sub(/^[ \t\r\n]+/, "", rest)
		if (match(rest, /^"([^"\\]|\\.)*"/) || match(rest, /^[][{}:,]/) || match(rest, /^[^][{}:, \t\r\n"]+/)) {
			word = substr(rest, 1, RLENGTH)
			rest = substr(rest, RLENGTH + 1)
			return word
		}
		return ""
	}
	function value(path, word, n, key) {
		if (word == "{") {
			for (word = token(); word != "}" && word != ""; word = token()) {
				if (word == ",") word = token()
				key = substr(word, 2, length(word) - 2)
				token()
				value(path "." key, token())
			}
		} else if (word == "[") {
			n = 0
			for (word = token(); word != "]" && word != ""; word = token()) {
				if (word == ",") word = token()
				value(path "." n++, word)
			}
		} else {
			if (word ~ /^"/) word = substr(word, 2, length(word) - 2)
			gsub(/\\\//, "/", word)
			print path "\t" word
		}
	}
	{ rest = rest $0 "\n" }
	END { value("", token()) }'
}

# json_at PATH: the one value at that path, or nothing.
json_at() { json_lines | awk -F '\t' -v path="$1" '$1 == path { print $2; exit }'; }
