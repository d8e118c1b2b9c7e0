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
/// Files that are kept beside another at most.
const KEPT: usize = 100;

/// A folder that is open, wherever its name leads meanwhile.
#[derive(Debug)]
pub struct Folder(OwnedFd);

/// What became of a file that was to be replaced.
#[derive(Debug)]
pub enum Replaced {
    /// It is; this is the earlier one, with its text.
    Done(Option<(File, String)>),
    /// It was not what was expected. What was saved at that very moment lies beside it under this name, if anything was.
    Not(Option<String>),
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

    /// Puts a text in the place of what was expected there (`None`: nothing), once `recover` has seen to what is left.
    pub fn replace(&self, name: &str, expected: Option<&str>, text: &str) -> io::Result<Replaced> {
        let draft = self.written(name, text)?;
        let (from, new) = (draft.as_str(), parked(name));
        let Some(expected) = expected else {
            return match self.move_to_free(from, name) {
                Ok(true) => Ok(Replaced::Done(None)),
                Ok(false) => self.drop_file(from).map(|()| Replaced::Not(None)),
                Err(Errno::INVAL | Errno::NOSYS) => self.rename(from, name).map(|()| Replaced::Done(None)),
                Err(error) => Err(error.into()),
            };
        };
        match self.move_to_free(from, &new) {
            Ok(true) => {}
            Ok(false) => return self.drop_file(from).map(|()| Replaced::Not(None)),
            // A file system that can't exchange: what was expected was there a moment ago.
            Err(Errno::INVAL | Errno::NOSYS) => {
                return self.rename(from, name).map(|()| Replaced::Done(None));
            }
            Err(error) => return Err(error.into()),
        }
        match self.exchange(&new, name) {
            Ok(()) => {}
            Err(Errno::NOENT) => return self.drop_file(&new).map(|()| Replaced::Not(None)),
            Err(Errno::INVAL | Errno::NOSYS) => {
                return self.rename(&new, name).map(|()| Replaced::Done(None));
            }
            Err(error) => return Err(error.into()),
        }
        match self.take(&new)? {
            Ok((file, was, _)) if was == expected => {
                self.drop_file(&new).map(|()| Replaced::Done(Some((file, was))))
            }
            _ => self.go_back(name, |found| found == text).map(Replaced::Not),
        }
    }

    /// Sees to what an exchange that came to no end has left: somebody's text goes back to its place if what is there is
    /// loopmon's own, else it is kept beside it; under which name.
    pub fn recover(&self, name: &str, is_own: impl Fn(&str) -> bool) -> io::Result<Option<String>> {
        let new = parked(name);
        match self.read(&new)? {
            Found::Nothing => return Ok(None),
            Found::Text(text, _) if is_own(&text) => return self.drop_file(&new).map(|()| None),
            Found::Text(..) | Found::Unusable(_) => {}
        }
        match self.read(name)? {
            Found::Text(text, _) if !is_own(&text) => self.keep_beside(name).map(Some),
            Found::Unusable(_) => self.keep_beside(name).map(Some),
            Found::Text(..) | Found::Nothing => self.go_back(name, is_own),
        }
    }

    /// An exchange is undone. What others have saved meanwhile is kept beside; under which name.
    fn go_back(&self, name: &str, is_own: impl Fn(&str) -> bool) -> io::Result<Option<String>> {
        let new = parked(name);
        match self.exchange(&new, name) {
            Ok(()) => {}
            Err(Errno::NOENT) if self.move_to_free(&new, name)? => return Ok(None),
            Err(Errno::NOENT) => return self.keep_beside(name).map(Some),
            Err(error) => return Err(error.into()),
        }
        match self.read(&new)? {
            Found::Nothing => Ok(None),
            Found::Text(text, _) if is_own(&text) => self.drop_file(&new).map(|()| None),
            Found::Text(..) | Found::Unusable(_) => self.keep_beside(name).map(Some),
        }
    }

    /// What lies where files are exchanged gets a name of its own.
    fn keep_beside(&self, name: &str) -> io::Result<String> {
        for number in 1..=KEPT {
            let kept = format!("{name}.kept-{number}");
            if self.move_to_free(&parked(name), &kept)? {
                return Ok(kept);
            }
        }
        Err(io::Error::other(format!("there are {KEPT} files that were kept beside {name} already")))
    }

    /// Whether the name was free.
    fn move_to_free(&self, from: &str, to: &str) -> Result<bool, Errno> {
        match renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn exchange(&self, one: &str, other: &str) -> Result<(), Errno> {
        renameat_with(&self.0, one, &self.0, other, RenameFlags::EXCHANGE)
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
        // Never where files are exchanged: half a text of loopmon's own is not to be taken for somebody's.
        let new = format!(".{name}.draft");
        self.drop_file(&new)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.0, &new, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(new)
    }
}

/// Where a file waits that is exchanged.
fn parked(name: &str) -> String {
    format!(".{name}.new")
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
    fn what_an_exchange_without_its_end_has_left_is_not_lost() {
        let (dir, folder) = folder();
        let path = |name: &str| dir.path().join("T1").join(name);
        let read = |name: &str| fs::read_to_string(path(name)).ok();
        let put = |name: &str, text: &str| fs::write(path(name), text).unwrap();
        let recovered = || folder.recover("spec.md", |text| text.starts_with("ours")).unwrap();
        // Loopmon's own.
        put("spec.md", "ours 2");
        put(".spec.md.new", "ours 1");
        assert_eq!((recovered(), read("spec.md"), read(".spec.md.new")), (None, Some("ours 2".into()), None));
        // Somebody's, before the way back.
        put(".spec.md.new", "theirs");
        assert!(!is_done(folder.replace("spec.md", Some("ours 2"), "ours 3").unwrap()));
        assert_eq!((recovered(), read("spec.md"), read(".spec.md.new")), (None, Some("theirs".into()), None));
        // They have saved again since.
        put(".spec.md.new", "theirs, earlier");
        assert_eq!(recovered().as_deref(), Some("spec.md.kept-1"));
        assert_eq!(read("spec.md.kept-1").as_deref(), Some("theirs, earlier"));
        assert_eq!((read("spec.md"), read(".spec.md.new")), (Some("theirs".into()), None));
        // There is none any more.
        fs::rename(path("spec.md"), path(".spec.md.new")).unwrap();
        assert_eq!((recovered(), read("spec.md")), (None, Some("theirs".into())));
    }

    #[test]
    fn a_save_between_the_two_exchanges_is_kept_beside() {
        let (dir, folder) = folder();
        let path = |name: &str| dir.path().join("T1").join(name);
        fs::write(path("spec.md"), "theirs, second").unwrap();
        fs::write(path(".spec.md.new"), "theirs, first").unwrap();
        let kept = folder.go_back("spec.md", |text| text == "ours").unwrap().unwrap();
        assert_eq!(fs::read_to_string(path("spec.md")).unwrap(), "theirs, first");
        assert_eq!(fs::read_to_string(path(&kept)).unwrap(), "theirs, second");
        assert!(!path(".spec.md.new").exists());
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
