//! The time that a new revision carries.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// Reads `UTC`, an offset such as `+02:00`, or a name such as `Europe/Vienna`.
pub(crate) fn zone(text: &str) -> Option<TimeZone> {
    if ["UTC", "utc", "Z"].contains(&text) {
        return Some(TimeZone::UTC);
    }
    if text.starts_with(['+', '-']) {
        return offset(text);
    }
    TimeZone::get(text).ok()
}

fn offset(text: &str) -> Option<TimeZone> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number = |text: &str, limit: i32| {
        let good = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        good.then(|| text.parse::<i32>().ok()).flatten().filter(|number| *number < limit)
    };
    let seconds = (number(hours, 24)? * 60 + number(minutes, 60)?) * 60;
    let seconds = if text.starts_with('-') { -seconds } else { seconds };
    jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

/// This moment in a zone, to the second.
pub(crate) fn now(zone: &TimeZone) -> ZonedDateTime {
    Timestamp::now().to_zoned_datetime(zone.clone())
}

/// As a header has it: the local time and its offset from UTC, or `Z`.
pub(crate) fn written(moment: &ZonedDateTime) -> String {
    match moment.offset().seconds() {
        0 => moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        _ => moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_a_date_in_a_zone() {
        let shown = |seconds, text: &str| {
            written(&Timestamp::from_second(seconds).unwrap().to_zoned_datetime(zone(text).unwrap()))
        };
        assert_eq!(shown(0, "UTC"), "1970-01-01T00:00:00Z");
        assert_eq!(shown(1_709_210_096, "UTC"), "2024-02-29T12:34:56Z");
        assert_eq!(shown(1_709_251_200, "-00:30"), "2024-02-29T23:30:00-00:30");
        assert_eq!(shown(1_767_225_599, "+02:00"), "2026-01-01T01:59:59+02:00");
        assert_eq!(shown(1_767_225_599, "Europe/Vienna"), "2026-01-01T00:59:59+01:00");
        assert_eq!(shown(1_782_864_000, "America/New_York"), "2026-06-30T20:00:00-04:00");
    }

    #[test]
    fn a_zone_is_utc_an_offset_or_a_name() {
        for bad in ["", "+2", "+02", "02:00", "+02:60", "+24:00", "Europe/Nowhere", "é+02:00", "-"] {
            assert!(zone(bad).is_none(), "{bad}");
        }
    }
}
