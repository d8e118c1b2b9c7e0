//! A secret of one session: what its program opens to others, nobody gets into who does not know it.
//!
//! Invariant: it is in no file; a keeper gets it with the rest of the environment, through a pipe.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};

/// Where the kernel gives what nobody can guess.
const SOURCE: &str = "/dev/urandom";
/// Bytes of it.
const LENGTH: usize = 24;

/// A secret that no session had before.
pub(super) fn fresh() -> io::Result<String> {
    let mut bytes = [0; LENGTH];
    File::open(SOURCE)?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert!(one != other && one.len() == 2 * LENGTH, "{one} {other}");
    }
}
