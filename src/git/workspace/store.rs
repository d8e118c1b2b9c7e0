//! A workspace's own store, and what of its members' local settings holds in it.
//!
//! Work on a member's files is done by this store's git, so whatever the member's own git would leave out, convert or
//! encrypt must be left out, converted or encrypted here. Not for settings of the person or the machine: git reads those by
//! itself. Invariant: a setting that members disagree on is refused, never dropped.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::super::worktree::{ensure_content, io};
use super::super::{Git, GitError, OpenError};
use super::Member;

/// Holds what the store was last furnished with.
const MARKER: &str = "loopmon-furnished";
/// Settings that say how files become objects and the other way round.
const CARRIED: [&str; 4] = ["core.autocrlf", "core.eol", "core.ignorecase", "core.precomposeunicode"];
/// Sections of programs that do.
const DRIVERS: [&str; 2] = ["filter.", "merge."];
/// Our own.
const SETTINGS: [(&str, &str); 3] =
    [("gc.auto", "0"), ("maintenance.auto", "false"), ("uploadpack.allowAnySHA1InWant", "true")];

/// Makes the store, or brings it up to date with the members.
pub(super) fn furnish(git: &Git, home: &Path, members: &[Member]) -> Result<(), OpenError> {
    let plan = Plan::of(members)?;
    let told = format!("{plan:?}");
    if std::fs::read_to_string(home.join(MARKER)).is_ok_and(|before| before == told) {
        return Ok(());
    }
    plan.carry_out(git, home)?;
    ensure_content(&home.join(MARKER), told.as_bytes())?;
    Ok(())
}

/// All that the store has of its members.
#[derive(Debug, Default)]
struct Plan {
    format: String,
    alternates: Vec<u8>,
    shallow: Vec<u8>,
    exclude: Vec<u8>,
    attributes: Vec<u8>,
    settings: BTreeMap<String, String>,
}

impl Plan {
    fn of(members: &[Member]) -> Result<Plan, OpenError> {
        let mut plan = Plan { exclude: b"/*\n".to_vec(), ..Plan::default() };
        plan.format = members.first().map_or_else(|| "sha1".to_owned(), |member| member.format.clone());
        let mut shallow: Vec<Vec<u8>> = Vec::new();
        for member in members {
            let common = member.repository.common_dir();
            plan.alternates.extend(common.join("objects").as_os_str().as_bytes());
            plan.alternates.push(b'\n');
            // Not only as a folder: what takes its place must be seen.
            plan.exclude.extend(format!("!/{}\n", member.name).into_bytes());
            shallow.extend(lines_of(&common.join("shallow")));
        }
        shallow.sort();
        shallow.dedup();
        plan.shallow = shallow.concat();
        for member in members {
            let info = member.repository.common_dir().join("info");
            for file in [Some(info.join("exclude")), excludes_file(member)?].into_iter().flatten() {
                let rules = lines_of(&file);
                plan.exclude.extend(rules.iter().filter_map(|rule| below(&member.name, rule)).flatten());
            }
            let rules = lines_of(&info.join("attributes"));
            plan.attributes.extend(rules.iter().filter_map(|rule| below(&member.name, rule)).flatten());
        }
        plan.settings = settings(members)?;
        Ok(plan)
    }

    fn carry_out(&self, git: &Git, home: &Path) -> Result<(), GitError> {
        std::fs::create_dir_all(home).map_err(io("create", home))?;
        let format = format!("--object-format={}", self.format);
        // Doing it again changes nothing, and mends what was broken off.
        let init = ["--bare", "--quiet", "--template=", "-b", "none", &format];
        git.call(home, "init").args(init).arg(home).run()?;
        for folder in ["info", "objects/info"] {
            let folder = home.join(folder);
            std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
        }
        ensure_content(&home.join("objects/info/alternates"), &self.alternates)?;
        ensure_content(&home.join("info/exclude"), &self.exclude)?;
        ensure_content(&home.join("info/attributes"), &self.attributes)?;
        let shallow = home.join("shallow");
        match self.shallow.is_empty() {
            true => drop(std::fs::remove_file(&shallow)),
            false => ensure_content(&shallow, &self.shallow)?,
        }
        let config = || git.call(home, "config").args(["--file", "config"]);
        let before = config().args(["--list", "-z", "--name-only"]).text()?;
        // What members have no more is no more.
        for key in before.split('\0').filter(|key| is_carried(key) || key.starts_with("user.")) {
            if !self.settings.contains_key(key) {
                config().args(["--unset-all", key]).accept(&[0, 5]).run()?;
            }
        }
        for (key, value) in &self.settings {
            config().args(["--replace-all", key, value]).run()?;
        }
        for (key, value) in SETTINGS {
            config().args(["--replace-all", key, value]).run()?;
        }
        Ok(())
    }
}

fn is_carried(key: &str) -> bool {
    let is_driver = key.matches('.').count() > 1 && DRIVERS.iter().any(|section| key.starts_with(section));
    is_driver || CARRIED.contains(&key)
}

/// The members' own settings that hold in the store: all of those that decide what becomes of a file, and who commits if
/// they agree on it.
fn settings(members: &[Member]) -> Result<BTreeMap<String, String>, OpenError> {
    let mut carried: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut people = Vec::new();
    for member in members {
        let own = member.own_settings()?;
        for (key, value) in own.iter().filter(|(key, _)| is_carried(key)) {
            let first = carried.entry(key.clone()).or_insert_with(|| (member.name.clone(), value.clone()));
            if first.1 != *value {
                return Err(disagreement(member, key, &first.0));
            }
        }
        let person = |key: &str| own.get(key).cloned();
        people.extend(person("user.name").zip(person("user.email")));
    }
    for key in CARRIED {
        // Where only some have it, the others go by the machine's.
        let Some((first, _)) = carried.get(key) else { continue };
        for member in members {
            if !member.own_settings()?.contains_key(key) {
                return Err(disagreement(member, key, first));
            }
        }
    }
    let mut all: BTreeMap<String, String> =
        carried.into_iter().map(|(key, (_, value))| (key, value)).collect();
    if let Some((name, email)) = people.first().filter(|first| people.iter().all(|other| other == *first)) {
        all.extend([("user.name".to_owned(), name.clone()), ("user.email".to_owned(), email.clone())]);
    }
    Ok(all)
}

fn disagreement(member: &Member, key: &str, other: &str) -> OpenError {
    let problem = format!(
        "its git setting {key} is not that of {other}: set it alike in both (`git config --local {key} …`), or leave one out"
    );
    OpenError::Member { name: member.name.clone(), problem }
}

/// The file of rules that a member's own settings name.
fn excludes_file(member: &Member) -> Result<Option<PathBuf>, GitError> {
    let call =
        member.repository.call("config").args(["--local", "--type=path", "--get", "core.excludesFile"]);
    let mut path = call.accept(&[0, 1]).run()?.stdout;
    path.truncate(path.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1));
    let path = PathBuf::from(std::ffi::OsString::from_vec(path));
    Ok((path != Path::new("")).then(|| member.repository.root().join(path)))
}

fn lines_of(file: &Path) -> Vec<Vec<u8>> {
    let text = std::fs::read(file).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| [line, b"\n"].concat()).collect()
}

/// A line of `info/exclude` or `info/attributes` of a member (gitignore(5), gitattributes(5)) as it holds below its folder;
/// none of one that says nothing.
fn below(name: &str, line: &[u8]) -> Option<Vec<u8>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // A macro is no pattern, and holds everywhere.
    if line.starts_with(b"[attr]") {
        return Some([line, b"\n"].concat());
    }
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    let (sign, rest): (&[u8], &[u8]) = match line.strip_prefix(b"!") {
        Some(rest) => (b"!", rest),
        None => (b"", line),
    };
    let (quote, rest): (&[u8], &[u8]) = match rest.strip_prefix(b"\"") {
        Some(rest) => (b"\"", rest),
        None => (b"", rest),
    };
    let pattern = rest.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let inner = pattern.strip_suffix(b"/").unwrap_or(pattern);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    let is_anchored = inner.contains(&b'/');
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let between = if is_anchored { "" } else { "**/" };
    let lead = format!("/{name}/{between}");
    Some([sign, quote, lead.as_bytes(), OsStr::from_bytes(rest).as_bytes(), b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_a_member_hold_below_its_folder_and_nowhere_else() {
        let shown = |line: &str| below("api", line.as_bytes()).map(|line| String::from_utf8(line).unwrap());
        for (line, wanted) in [
            (".env", "/api/**/.env\n"),
            ("/target", "/api/target\n"),
            ("build/", "/api/**/build/\n"),
            ("a/b", "/api/a/b\n"),
            ("!keep.me", "!/api/**/keep.me\n"),
            ("**/x/", "/api/**/x/\n"),
            ("\\#odd", "/api/**/\\#odd\n"),
            ("*.bin filter=lfs -text", "/api/**/*.bin filter=lfs -text\n"),
            ("\"a b.txt\" text", "\"/api/**/a b.txt\" text\n"),
            ("[attr]big -diff", "[attr]big -diff\n"),
        ] {
            assert_eq!(shown(line).as_deref(), Some(wanted), "{line}");
        }
        assert_eq!((shown("# a remark"), shown("")), (None, None));
    }
}
