//! Who is connected: everybody, for whether the server may end; screens, for what people are told.
//!
//! Invariant: a client is counted exactly as long as its place lives.

use tokio::sync::watch;

/// How many are connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Screens and scripts.
    pub all: usize,
    /// Screens.
    pub screens: usize,
}

/// Everybody who is connected.
#[derive(Clone, Debug)]
pub struct Audience(watch::Sender<Count>);

/// A client's place; given up when it is dropped.
#[derive(Debug)]
pub struct Place {
    audience: Audience,
    screen: bool,
}

impl Audience {
    /// Nobody yet.
    pub fn new() -> Audience {
        Audience(watch::Sender::new(Count::default()))
    }

    /// Counts a client.
    pub fn admit(&self, screen: bool) -> Place {
        self.0.send_modify(|count| {
            count.all += 1;
            count.screens += usize::from(screen);
        });
        Place { audience: self.clone(), screen }
    }

    /// How many there are.
    pub fn count(&self) -> Count {
        *self.0.borrow()
    }

    /// Tells when that changes.
    pub fn watch(&self) -> watch::Receiver<Count> {
        self.0.subscribe()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.audience.0.send_modify(|count| {
            count.all = count.all.saturating_sub(1);
            count.screens = count.screens.saturating_sub(usize::from(self.screen));
        });
    }
}
