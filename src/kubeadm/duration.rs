//! Durations as Go writes them.
//!
//! In: whole seconds. Out: text. Absent on purpose: reading them, and fractions.

use time::Duration;

/// Writes a duration as Go's `time.Duration.String` does: `24h0m0s`, `15m0s`, `0s`.
#[must_use]
pub fn duration(lasts: Duration) -> String {
    let (hours, minutes, rest) = (lasts.whole_hours(), lasts.whole_minutes() % 60, lasts.whole_seconds() % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spelt_as_go_spells_them() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m0s"), (900, "15m0s"), (86_400, "24h0m0s"), (90_061, "25h1m1s")] {
            assert_eq!(duration(Duration::seconds(seconds)), text);
        }
    }
}
