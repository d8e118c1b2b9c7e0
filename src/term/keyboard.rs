//! How a program wants its keys: the kitty protocol's flags, which are stacked, and xterm's modifyOtherKeys.
//!
//! Not for: the encoding (`input`). Source: the protocol's own description, "Comprehensive keyboard handling in
//! terminals". Invariant: the stack is bounded; what is pushed beyond it drops the oldest.

/// Flags that are obeyed: disambiguate, event types, alternate keys, all keys, text.
pub(super) const ALL: u16 = 0b1_1111;
/// Entries of the stack.
const DEPTH: usize = 16;

/// The state of one screen's keyboard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keyboard {
    flags: u16,
    stack: Vec<u16>,
    /// xterm's modifyOtherKeys: 0, 1 or 2.
    pub(super) other_keys: u16,
}

impl Keyboard {
    /// The flags in force.
    pub(super) fn flags(&self) -> u16 {
        self.flags
    }

    /// `CSI = flags ; how u`: 1 sets them, 2 adds them, 3 takes them away.
    pub(super) fn set(&mut self, flags: u16, how: u16) {
        let flags = flags & ALL;
        self.flags = match how {
            2 => self.flags | flags,
            3 => self.flags & !flags,
            _ => flags,
        };
    }

    /// `CSI > flags u`.
    pub(super) fn push(&mut self, flags: u16) {
        if self.stack.len() >= DEPTH {
            self.stack.remove(0);
        }
        self.stack.push(self.flags);
        self.flags = flags & ALL;
    }

    /// `CSI < count u`.
    pub(super) fn pop(&mut self, count: u16) {
        for _ in 0..count.max(1).min(DEPTH as u16) {
            self.flags = self.stack.pop().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_stacked_and_the_stack_is_bounded() {
        let mut keyboard = Keyboard::default();
        keyboard.push(1);
        keyboard.push(5);
        keyboard.set(2, 2);
        assert_eq!(keyboard.flags(), 7);
        keyboard.set(4, 3);
        assert_eq!(keyboard.flags(), 3);
        keyboard.pop(1);
        assert_eq!(keyboard.flags(), 1);
        keyboard.pop(9);
        assert_eq!(keyboard.flags(), 0);
        (0..1000).for_each(|_| keyboard.push(0xffff));
        assert_eq!((keyboard.flags(), keyboard.stack.len()), (ALL, DEPTH));
    }
}
