//! A case: what is done to an emulator, step by step, and its form in a file.
//!
//! In a file output stands as it is; the byte 0xff, which no text has, begins a step of another kind, or is itself if it
//! stands twice.

use std::fmt;

/// One step.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// The program printed this.
    Feed(Vec<u8>),
    /// What is printed comes in another chunk from here on.
    Cut,
    /// The pane has another size: columns and rows.
    Resize(u16, u16),
    /// The picture is drawn.
    Frame,
    /// Everything that can be read is read.
    Read,
}

/// Steps in order.
#[derive(Clone, PartialEq, Eq)]
pub struct Case(pub Vec<Step>);

impl Case {
    /// Bytes of output.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|step| if let Step::Feed(bytes) = step { bytes.len() as u64 } else { 0 }).sum()
    }

    /// The same with output that stands together in one step.
    pub fn joined(&self) -> Case {
        let mut joined: Vec<Step> = Vec::new();
        for step in &self.0 {
            match (joined.last_mut(), step) {
                (_, Step::Feed(bytes)) if bytes.is_empty() => {}
                (Some(Step::Feed(before)), Step::Feed(bytes)) => before.extend_from_slice(bytes),
                _ => joined.push(step.clone()),
            }
        }
        Case(joined)
    }

    /// As it stands in a file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for step in &self.0 {
            match step {
                Step::Feed(bytes) => bytes.iter().for_each(|byte| match byte {
                    0xff => out.extend_from_slice(&[0xff, 0xff]),
                    byte => out.push(*byte),
                }),
                Step::Cut => out.extend_from_slice(b"\xffc"),
                Step::Resize(cols, rows) => {
                    out.extend_from_slice(b"\xffs");
                    out.extend_from_slice(&cols.to_be_bytes());
                    out.extend_from_slice(&rows.to_be_bytes());
                }
                Step::Frame => out.extend_from_slice(b"\xfff"),
                Step::Read => out.extend_from_slice(b"\xffr"),
            }
        }
        out
    }

    /// What a file holds; any bytes are a case.
    pub fn decode(mut bytes: &[u8]) -> Case {
        let mut case = Case(Vec::new());
        loop {
            let (step, rest) = match bytes {
                [] => return case.joined(),
                [0xff, b'c', rest @ ..] => (Step::Cut, rest),
                [0xff, b's', a, b, c, d, rest @ ..] => {
                    (Step::Resize(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])), rest)
                }
                [0xff, b'f', rest @ ..] => (Step::Frame, rest),
                [0xff, b'r', rest @ ..] => (Step::Read, rest),
                [0xff, 0xff, rest @ ..] | [0xff, rest @ ..] => (Step::Feed(vec![0xff]), rest),
                [byte, rest @ ..] => (Step::Feed(vec![*byte]), rest),
            };
            case.0.push(step);
            bytes = rest;
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Feed(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Step::Cut => f.write_str("cut"),
            Step::Resize(cols, rows) => write!(f, "{cols}x{rows}"),
            Step::Frame => f.write_str("frame"),
            Step::Read => f.write_str("read"),
        }
    }
}
