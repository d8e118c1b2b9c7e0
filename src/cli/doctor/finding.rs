//! One thing that was looked at: how it is, and what to do about it.

use serde_json::{Value, json};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Something to know, or to put right some time.
    Warn,
    /// Something won't work.
    Bad,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub area: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(area: &'static str, text: impl Into<String>) -> Finding {
        Finding { area, level: Level::Ok, text: text.into(), remedy: None }
    }

    /// Something to look at.
    pub fn warn(area: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { area, level: Level::Warn, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// Something that won't work.
    pub fn bad(area: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { area, level: Level::Bad, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// As it is printed: the sign, the text, the remedy below.
    pub fn lines(&self) -> String {
        let sign = match self.level {
            Level::Ok => "✓",
            Level::Warn => "!",
            Level::Bad => "✗",
        };
        let text = self.text.trim_end().replace('\n', "\n    ");
        let remedy =
            self.remedy.as_ref().map(|remedy| format!("\n      {}", remedy.replace('\n', "\n      ")));
        format!("  {sign} {text}{}", remedy.unwrap_or_default())
    }

    /// For programs.
    pub fn as_json(&self) -> Value {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Bad => "bad",
        };
        json!({ "area": self.area, "level": level, "text": self.text, "remedy": self.remedy })
    }
}
