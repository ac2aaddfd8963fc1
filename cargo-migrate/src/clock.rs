//! The time that a new revision carries.

use std::time::{SystemTime, UNIX_EPOCH};

/// A date and time in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    zone: Zone,
}

/// A zone, as minutes east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Zone(i64);

impl Zone {
    /// Reads `UTC` or `+02:00`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if ["UTC", "utc", "Z"].contains(&text) {
            return Some(Self(0));
        }
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let number = |text: &str, limit: i64| {
            let good = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            good.then(|| text.parse::<i64>().ok()).flatten().filter(|number| *number < limit)
        };
        Some(Self(sign * (number(hours, 24)? * 60 + number(minutes, 60)?)))
    }
}

impl Moment {
    /// This moment in a zone.
    pub(crate) fn now(zone: Zone) -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::at(i64::try_from(seconds).unwrap_or(0), zone)
    }

    fn at(seconds: i64, zone: Zone) -> Self {
        let local = seconds + zone.0 * 60;
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        // Days from 0000-03-01, so that a leap day is the last of its year.
        let days = days + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self {
            year: year + era * 400 + i64::from(month <= 2),
            month,
            day,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            zone,
        }
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second, zone: Zone(zone) } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match zone {
            0 => f.write_str("Z"),
            _ => {
                let sign = if *zone < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", zone.abs() / 60, zone.abs() % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_a_date_in_a_zone() {
        let shown = |seconds, zone: &str| Moment::at(seconds, Zone::parse(zone).unwrap()).to_string();
        assert_eq!(shown(0, "UTC"), "1970-01-01T00:00:00Z");
        assert_eq!(shown(1_709_210_096, "UTC"), "2024-02-29T12:34:56Z");
        assert_eq!(shown(1_709_251_200, "-00:30"), "2024-02-29T23:30:00-00:30");
        assert_eq!(shown(1_767_225_599, "+02:00"), "2026-01-01T01:59:59+02:00");
    }

    #[test]
    fn a_zone_is_utc_or_an_offset() {
        for bad in ["", "+2", "+02", "02:00", "+02:60", "+24:00", "Europe/Vienna", "é+02:00"] {
            assert_eq!(Zone::parse(bad), None, "{bad}");
        }
    }
}
