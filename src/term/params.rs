//! The parameters of a control sequence.

/// A control sequence, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control<'a> {
    /// `?`, `>`, `=` or `<` before the parameters, if there is one.
    pub(super) private: Option<u8>,
    /// Numbers and their separators.
    pub(super) parameters: &'a [u8],
    /// What stands between them and the last byte.
    pub(super) intermediates: &'a [u8],
    /// The last byte.
    pub(super) last: u8,
}

impl<'a> Control<'a> {
    /// What stands after `ESC [`.
    pub(super) fn of(body: &'a [u8]) -> Option<Control<'a>> {
        let (last, rest) = body.split_last()?;
        let (private, rest) = match rest.split_first() {
            Some((mark @ (b'<'..=b'?'), rest)) => (Some(*mark), rest),
            _ => (None, rest),
        };
        let end = rest.iter().position(|byte| matches!(byte, 0x20..=0x2f)).unwrap_or(rest.len());
        let (parameters, intermediates) = rest.split_at(end);
        Some(Control { private, parameters, intermediates, last: *last })
    }

    /// The numbers; what is left out, or is none, is `None`.
    pub(super) fn numbers(&self) -> impl Iterator<Item = Option<u16>> + use<'a> {
        self.parameters.split(|byte| *byte == b';').map(number)
    }

    /// The number at that place, from 0; none, and 0, are `default`.
    pub(super) fn at(&self, index: usize, default: u16) -> u16 {
        self.numbers().nth(index).flatten().filter(|number| *number > 0).unwrap_or(default)
    }
}

/// A number; larger ones than can be meant are the largest.
pub(super) fn number(digits: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(digits).ok()?;
    let number: u32 = text.parse().ok()?;
    Some(u16::try_from(number).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_comes_apart_at_its_seams() {
        let control = Control::of(b"?25;1$p").unwrap();
        assert_eq!((control.private, control.intermediates, control.last), (Some(b'?'), &b"$"[..], b'p'));
        assert_eq!(control.numbers().collect::<Vec<_>>(), [Some(25), Some(1)]);
        let control = Control::of(b";0;70000H").unwrap();
        assert_eq!(
            (control.at(0, 1), control.at(1, 1), control.at(2, 1), control.at(3, 7)),
            (1, 1, u16::MAX, 7)
        );
        assert!(Control::of(b"").is_none());
    }
}
