//! Limits of a provider: that an agent has reached one, and when its words say that it ends.
//!
//! Not for asking the time: that is given. Invariant: words that name no moment, or one that is none, say nothing.

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use regex::{Captures, Regex};

use crate::model::Timestamp;

/// A wait of a program's own that is longer than this is one for the loop: others can work meanwhile.
pub(super) const PATIENCE_MS: i64 = 60_000;

/// A limit that an agent has reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What its program says of it.
    pub words: String,
    /// When it ends, if that was told.
    pub until: Option<Timestamp>,
}

/// A time of day, and maybe a day and a zone: `resets 5:36pm (UTC)`, `try again at Nov 22nd, 2026 5:36 PM`.
static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"(?ix) (?: resets? (?:\s at)? | again \s at ) \s+
        (?: (?<month> jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec ) [a-z]* \s (?<day> \d{1,2} ) (?: st|nd|rd|th )? ,?
            (?: \s (?<year> 20\d\d ) ,? )? \s+ (?: at \s+ )? )?
        (?<hour> \d{1,2} ) (?: : (?<minute> \d\d ) )? \s? (?<half> [ap] ) \.? m
        (?: \s \( (?<zone> [A-Za-z0-9_+/-]+ ) \) )?";
    Regex::new(pattern).ok()
});
/// A span: `try again in 2 hours 3 minutes`, `will reset after 18h31m10s`, `retry in 12.5s`.
static SPAN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:again|retry|resets?) (?:in|after) ((?:\d+(?:\.\d+)?\s?(?:days?|hours?|minutes?|seconds?|[dhms])\b,?\s?|\d+[dhm])+)")
        .ok()
});
static PART: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)(\d+)(?:\.\d+)?\s?([dhms])").ok());

/// When a limit ends that these words tell of, which were said now.
pub fn reset_in(words: &str, now: &Zoned) -> Option<Timestamp> {
    let moment = MOMENT.as_ref().and_then(|pattern| pattern.captures(words));
    let until = moment.and_then(|found| moment_of(&found, now)).or_else(|| span_in(words, now))?;
    Some(Timestamp(until.timestamp().as_millisecond()))
}

fn moment_of(found: &Captures<'_>, now: &Zoned) -> Option<Zoned> {
    let number = |name: &str| found.name(name)?.as_str().parse::<i8>().ok();
    // Without a list of zones it is taken for the person's own, which it is anyway but for a program set up otherwise.
    let zone = found.name("zone").and_then(|zone| match zone.as_str() {
        "UTC" | "GMT" => Some(TimeZone::UTC),
        name => TimeZone::get(name).ok(),
    });
    let now = zone.map_or_else(|| now.clone(), |zone| now.with_time_zone(zone));
    let hour = number("hour").filter(|hour| (1..=12).contains(hour))? % 12;
    let hour = if found.name("half")?.as_str().eq_ignore_ascii_case("p") { hour + 12 } else { hour };
    let at = |date: Date| {
        let time = date.at(hour, 0, 0, 0).with().minute(number("minute").unwrap_or(0)).build().ok()?;
        time.to_zoned(now.time_zone().clone()).ok()
    };
    // What was reached a moment ago may have ended since.
    let past = |until: &Zoned| *until < now.checked_sub(2.minutes()).unwrap_or_else(|_| now.clone());
    let Some(month) = found.name("month") else {
        let today = at(now.date())?;
        return if past(&today) { at(now.date().tomorrow().ok()?) } else { Some(today) };
    };
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = months.iter().position(|name| month.as_str().eq_ignore_ascii_case(name))?;
    let month = i8::try_from(month + 1).ok()?;
    let of_year = |year: i16| at(Date::new(year, month, number("day")?).ok()?);
    match found.name("year") {
        Some(year) => of_year(year.as_str().parse().ok()?),
        None => of_year(now.year()).filter(|until| !past(until)).or_else(|| of_year(now.year() + 1)),
    }
}

fn span_in(words: &str, now: &Zoned) -> Option<Zoned> {
    let found = SPAN.as_ref()?.captures(words)?;
    let mut seconds: i64 = 0;
    for part in PART.as_ref()?.captures_iter(found.get(1)?.as_str()) {
        let number: i64 = part.get(1)?.as_str().parse().ok()?;
        let unit = match part.get(2)?.as_str().to_ascii_lowercase().as_str() {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            _ => 1,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
    }
    // A part of a second is waited for whole.
    now.checked_add(jiff::SignedDuration::from_secs(seconds.checked_add(1)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(words: &str) -> Option<String> {
        let now: jiff::Timestamp = "2026-11-21T14:34:41Z".parse().unwrap();
        let now = now.to_zoned(TimeZone::fixed(jiff::tz::offset(1)));
        let at = reset_in(words, &now)?;
        Some(jiff::Timestamp::from_millisecond(at.0).unwrap().to_string())
    }

    #[test]
    fn the_words_of_the_programs_say_when_a_limit_ends() {
        let cases = [
            ("You've hit your 5-hour limit · resets 5:36pm (UTC)", "2026-11-21T17:36:00Z"),
            ("Claude usage limit reached ∙ resets 3am", "2026-11-22T02:00:00Z"),
            ("You've hit your weekly limit · resets Nov 24, 9am (UTC)", "2026-11-24T09:00:00Z"),
            ("You’ve hit your limit · resets Jan 2 at 12:30am (UTC)", "2027-01-02T00:30:00Z"),
            ("purchase more credits or try again at 5:36 PM.", "2026-11-21T16:36:00Z"),
            ("or try again at Nov 22nd, 2026 12:05 AM.", "2026-11-21T23:05:00Z"),
            // It ended while it was told.
            ("try again at 3:34 PM.", "2026-11-21T14:34:00Z"),
            ("try again at 3:12 PM.", "2026-11-22T14:12:00Z"),
            ("Try again in 2 hours 3 minutes.", "2026-11-21T16:37:42Z"),
            ("Your quota will reset after 18h31m10s.", "2026-11-22T09:05:52Z"),
            ("Please retry in 12.5s.", "2026-11-21T14:34:54Z"),
        ];
        for (words, expected) in cases {
            assert_eq!(until(words).as_deref(), Some(expected), "{words}");
        }
        let none = [
            "exceeded retry limit, last status: 429",
            "resets at the end",
            "try again at 25:00 pm",
            "resets Feb 31, 5pm",
            "try again in a while",
            "retry in 99999999999999999999 days",
            "",
        ];
        for words in none {
            assert_eq!(until(words), None, "{words}");
        }
    }
}
