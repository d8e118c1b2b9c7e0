//! Which ways to log in an agent has on this machine.
//!
//! Invariant: whether a variable is set and whether a file is there is all that is ever asked; no value is kept, and no
//! file is opened.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::agents::{self, Login, Need};
use crate::model::AgentProfile;

/// A way to log in that is there, at least in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLogin {
    /// Its name.
    pub mode: &'static str,
    /// The variables that it is by.
    pub variables: Vec<&'static str>,
    /// The files that it is by.
    pub files: Vec<PathBuf>,
    /// The variables that are set, and that the agent's configuration keeps from it.
    pub withheld: Vec<&'static str>,
}

impl FoundLogin {
    /// Whether the agent can log in by it as it is configured.
    pub fn is_ready(&self) -> bool {
        self.withheld.is_empty()
    }

    /// By what, in names.
    pub fn by(&self) -> Vec<String> {
        let files = self.files.iter().map(|file| file.display().to_string());
        self.variables.iter().map(|name| (*name).to_owned()).chain(files).collect()
    }
}

/// A person's environment, as far as logins go.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    home: PathBuf,
    /// Every variable that is set and not empty; a value only where it names a folder of a program's.
    set: BTreeMap<String, Option<OsString>>,
}

/// Variables whose values are folders, and no secrets.
const FOLDERS: [&str; 4] = ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "XDG_DATA_HOME"];

impl Surroundings {
    /// Those of this process.
    pub fn current() -> Self {
        Self::of(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }

    /// Those of these variables.
    pub fn of(variables: impl IntoIterator<Item = (String, OsString)>) -> Self {
        let mut found = Self::default();
        for (name, value) in variables.into_iter().filter(|(_, value)| !value.is_empty()) {
            if name == "HOME" {
                found.home = PathBuf::from(&value);
            }
            let kept = FOLDERS.contains(&name.as_str()).then_some(value);
            found.set.insert(name, kept);
        }
        found
    }

    /// Whether a variable is set and not empty.
    pub fn has(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// Every way to log in that is there for an agent, the one that its program takes first.
    pub fn logins(&self, profile: &AgentProfile) -> Vec<FoundLogin> {
        agents::logins(profile.kind).iter().filter_map(|login| self.login(login, profile)).collect()
    }

    fn login(&self, login: &Login, profile: &AgentProfile) -> Option<FoundLogin> {
        let mut found = FoundLogin { mode: login.mode, variables: vec![], files: vec![], withheld: vec![] };
        for need in login.needs {
            match *need {
                Need::Variable(name) => {
                    let configured = set_by(profile, name);
                    if configured.is_none() && !self.has(name) || configured == Some("") {
                        return None;
                    }
                    found.variables.push(name);
                    if configured.is_none() && !agents::reaches(name, profile.kind, &profile.env_allow) {
                        found.withheld.push(name);
                    }
                }
                Need::File { base, home, path } => {
                    let file = self.folder(base, home, profile).join(path);
                    found.files.push(file.is_file().then_some(file)?);
                }
            }
        }
        Some(found)
    }

    /// The folder that a program looks in, as the agent's environment will have it.
    fn folder(&self, base: &str, home: &str, profile: &AgentProfile) -> PathBuf {
        let user = self.set.get(base).and_then(Option::as_ref);
        let user = user.filter(|_| agents::reaches(base, profile.kind, &profile.env_allow));
        match (set_by(profile, base), user) {
            (Some(folder), _) if !folder.is_empty() => PathBuf::from(folder),
            (None, Some(folder)) => PathBuf::from(folder),
            _ => set_by(profile, "HOME").map_or(self.home.as_path(), Path::new).join(home),
        }
    }
}

fn set_by<'p>(profile: &'p AgentProfile, name: &str) -> Option<&'p str> {
    profile.env_set.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
