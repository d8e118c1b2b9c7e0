//! The one place that asks what time it is.

use crate::model::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// Now, with the user's zone.
pub fn here() -> jiff::Zoned {
    jiff::Zoned::now()
}

/// Now in the user's zone, as a header shows it: `14:02`.
pub fn wall_clock() -> String {
    jiff::Zoned::now().strftime("%H:%M").to_string()
}

/// Today, as run ids begin: `20261121`.
pub fn today() -> String {
    jiff::Zoned::now().strftime("%Y%m%d").to_string()
}
