//! Where the emulator is known to read the same output otherwise when it comes in other chunks.
//!
//! Cases that touch these places are held to every other promise, and are not compared byte by byte. Each place has its
//! file in `known/`; `what_is_known_to_differ_still_does` fails when one was put right: then its file belongs to the
//! corpus, and its line here is to go.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use crate::case::{Case, Step};

/// Whether a case touches such a place.
pub fn differs(case: &Case) -> bool {
    let bytes: Vec<u8> = case
        .0
        .iter()
        .flat_map(|step| if let Step::Feed(bytes) = step { bytes.clone() } else { Vec::new() })
        .collect();
    let text = String::from_utf8_lossy(&bytes);
    has_background(&text) || inserts_wide(&text) || has_loose_parts(&text)
}

/// Text that wraps in the last row with a coloured background: the rest of the row that comes in is coloured or not.
fn has_background(text: &str) -> bool {
    text.split("\x1b[").filter_map(|rest| rest.split_once('m')).any(|(parameters, _)| {
        parameters
            .split([';', ':'])
            .filter_map(|number| number.parse::<u32>().ok())
            .any(|number| matches!(number, 40..=48 | 100..=107))
    })
}

/// Insert mode makes room for the width that a character has without its selector.
fn inserts_wide(text: &str) -> bool {
    text.contains('\u{fe0f}')
        && text.contains('h')
        && text.contains("\x1b[")
        && text
            .split("\x1b[")
            .any(|rest| rest.split_once('h').is_some_and(|(numbers, _)| numbers.contains('4')))
}

/// Parts of a character that come later than what they belong to, if that is no emoji.
fn has_loose_parts(text: &str) -> bool {
    let mut before = '\n';
    for c in text.chars() {
        let is_emoji = matches!(before, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1f1e5}' | '\u{1f200}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}');
        let goes_on = matches!(before, '\u{fe0f}' | '\u{200d}')
            && matches!(c, '\u{200d}' | '\u{2600}'..='\u{27bf}' | '\u{1f308}'..='\u{1faff}');
        if joins(c)
            && !(is_emoji && matches!(c, '\u{fe0f}' | '\u{200d}' | '\u{1f3fb}'..='\u{1f3ff}'))
            && !goes_on
        {
            return true;
        }
        before = c;
    }
    false
}

fn joins(c: char) -> bool {
    if c < '\u{a0}' {
        return false;
    }
    let is_one = |text: String| text.graphemes(true).count() == 1;
    c.width() == Some(0)
        || is_one(format!("x{c}"))
        || is_one(format!("가{c}"))
        || is_one(format!("ᄀ{c}"))
        || is_one(format!("{c}x"))
        || matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}
