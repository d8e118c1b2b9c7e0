//! A folder that others write in too.
//!
//! Invariant: whatever lies there, nothing outside is read or written (no link is followed), and what others wrote is never
//! replaced unseen: a file is exchanged for its next version, and goes back if it is not what was expected.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, fstat, mkdirat, openat, renameat_with, unlinkat,
};
use rustix::io::Errno;

/// A file that was written more recently may not be whole yet.
pub const SETTLE: Duration = Duration::from_millis(120);
/// The longest file that is read, bytes.
const LIMIT: u64 = 1 << 20;

/// A folder that is open, wherever its name leads meanwhile.
#[derive(Debug)]
pub struct Folder(OwnedFd);

/// What became of a file that was to be replaced.
#[derive(Debug)]
pub enum Replaced {
    /// It is; this is the earlier one, with its text.
    Done(Option<(File, String)>),
    /// It was not what was expected.
    Not,
}

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Nothing,
    /// Its text, and whether it has rested since.
    Text(String, bool),
    /// Something that is not read, and why.
    Unusable(String),
}

impl Folder {
    /// Opens a folder of a folder, made if it is not there; whether it was made.
    pub fn open(parent: &Path, name: &str) -> io::Result<(Folder, bool)> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let parent = openat(CWD, parent, flags, Mode::empty())?;
        let made = match mkdirat(&parent, name, Mode::RWXU) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        Ok((Folder(openat(&parent, name, flags, Mode::empty())?), made))
    }

    /// A file of it.
    pub fn read(&self, name: &str) -> io::Result<Found> {
        Ok(self.take(name)?.map_or_else(|found| found, |(_, text, rested)| Found::Text(text, rested)))
    }

    /// The file itself with its text, and whether it has rested; or what is there instead.
    fn take(&self, name: &str) -> io::Result<Result<(File, String, bool), Found>> {
        // A pipe is opened without waiting for whoever writes to it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = match openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(Err(Found::Nothing)),
            Err(Errno::LOOP) => {
                return Ok(Err(Found::Unusable("it is a link, and links are not followed".to_owned())));
            }
            Err(error) => return Ok(Err(Found::Unusable(io::Error::from(error).to_string()))),
        };
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Ok(Err(Found::Unusable("it is no plain file".to_owned())));
        }
        let before = file.metadata()?;
        let mut bytes = Vec::new();
        (&mut file).take(LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LIMIT {
            return Ok(Err(Found::Unusable(format!("it is longer than {} KiB", LIMIT >> 10))));
        }
        let after = file.metadata()?;
        let same = before.len() == after.len() && before.modified()? == after.modified()?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) => Ok((file, text, same && has_rested(after.modified()?))),
            Err(error) => Err(Found::Unusable(format!(
                "it is not UTF-8 from byte {} on",
                error.utf8_error().valid_up_to()
            ))),
        })
    }

    /// Puts a text in the place of what was expected there (`None`: nothing).
    pub fn replace(&self, name: &str, expected: Option<&str>, text: &str) -> io::Result<Replaced> {
        let new = self.written(name, text)?;
        let Some(expected) = expected else {
            return match renameat_with(&self.0, &new, &self.0, name, RenameFlags::NOREPLACE) {
                Ok(()) => Ok(Replaced::Done(None)),
                Err(Errno::EXIST) => self.drop_file(&new).map(|()| Replaced::Not),
                Err(Errno::INVAL | Errno::NOSYS) => self.rename(&new, name).map(|()| Replaced::Done(None)),
                Err(error) => Err(error.into()),
            };
        };
        match renameat_with(&self.0, &new, &self.0, name, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            Err(Errno::NOENT) => return self.drop_file(&new).map(|()| Replaced::Not),
            // A file system that can't exchange: what was expected was there a moment ago.
            Err(Errno::INVAL | Errno::NOSYS) => {
                return self.rename(&new, name).map(|()| Replaced::Done(None));
            }
            Err(error) => return Err(error.into()),
        }
        let earlier = match self.take(&new)? {
            Ok((file, was, _)) if was == expected => Replaced::Done(Some((file, was))),
            _ => {
                renameat_with(&self.0, &new, &self.0, name, RenameFlags::EXCHANGE)?;
                Replaced::Not
            }
        };
        self.drop_file(&new).map(|()| earlier)
    }

    /// Writes a file that nobody but loopmon writes, whatever lies there.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let new = self.written(name, text)?;
        self.rename(&new, name)
    }

    /// Takes a file away.
    pub fn drop_file(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// The name of a new file that holds the text.
    fn written(&self, name: &str, text: &str) -> io::Result<String> {
        let new = format!(".{name}.new");
        self.drop_file(&new)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.0, &new, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(new)
    }
}

/// Whether a file was written some time ago. A clock that was set back makes nobody wait.
fn has_rested(written: SystemTime) -> bool {
    match written.elapsed() {
        Ok(age) => age >= SETTLE,
        Err(ahead) => ahead.duration() > SETTLE,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let (folder, made) = Folder::open(dir.path(), "T1").unwrap();
        assert!(made);
        (dir, folder)
    }

    fn is_done(replaced: Replaced) -> bool {
        matches!(replaced, Replaced::Done(_))
    }

    #[test]
    fn what_others_wrote_meanwhile_is_not_replaced() {
        let (dir, folder) = folder();
        let path = dir.path().join("T1/spec.md");
        assert!(is_done(folder.replace("spec.md", None, "one").unwrap()));
        assert!(!is_done(folder.replace("spec.md", None, "two").unwrap()));
        assert!(is_done(folder.replace("spec.md", Some("one"), "two").unwrap()));
        fs::write(&path, "theirs").unwrap();
        assert!(!is_done(folder.replace("spec.md", Some("two"), "three").unwrap()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        fs::remove_file(&path).unwrap();
        assert!(!is_done(folder.replace("spec.md", Some("theirs"), "three").unwrap()));
        assert_eq!(fs::read_dir(dir.path().join("T1")).unwrap().count(), 0, "something was left");
    }

    #[test]
    fn nothing_leads_out_of_it() {
        let (dir, folder) = folder();
        let outside = dir.path().join("outside");
        fs::write(&outside, "secret").unwrap();
        symlink(&outside, dir.path().join("T1/spec.md")).unwrap();
        assert!(matches!(folder.read("spec.md").unwrap(), Found::Unusable(why) if why.contains("link")));
        assert!(!is_done(folder.replace("spec.md", Some("secret"), "changed").unwrap()));
        folder.write("spec.md", "ours").unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "secret");
        symlink(dir.path(), dir.path().join("T2")).unwrap();
        assert!(Folder::open(dir.path(), "T2").is_err());
        rustix::fs::mkfifoat(CWD, dir.path().join("T1/pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        assert!(matches!(folder.read("pipe").unwrap(), Found::Unusable(_)));
        assert!(matches!(folder.read("..").unwrap(), Found::Unusable(_)));
    }

    #[test]
    fn a_file_rests_before_it_counts_and_foreign_bytes_are_no_text() {
        let (dir, folder) = folder();
        let path = dir.path().join("T1/a");
        fs::write(&path, "x").unwrap();
        assert_eq!(folder.read("a").unwrap(), Found::Text("x".to_owned(), false));
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(folder.read("a").unwrap(), Found::Text("x".to_owned(), true));
        fs::write(&path, b"ab\xff").unwrap();
        assert!(matches!(folder.read("a").unwrap(), Found::Unusable(why) if why.contains("byte 2")));
        fs::write(&path, vec![b'x'; (LIMIT + 1) as usize]).unwrap();
        assert!(matches!(folder.read("a").unwrap(), Found::Unusable(_)));
    }
}
